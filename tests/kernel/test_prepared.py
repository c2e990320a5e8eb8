"""Statements of hot pages: values and rows are what SQLAlchemy would make of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask, g
from sqlalchemy import bindparam, select, text, union_all, update
from sqlalchemy.exc import OperationalError

from portal import unit_of_work
from portal.account.models import User
from portal.extensions import db
from portal.licenses.models import License
from portal.prepared import Prepared
from portal.vendors.models import Vendor
from tests import factories
from tests.support.page import Page
from tests.support.queries import counted

COLUMNS = (License.global_id, License.expires_at, License.block, Vendor.switches)
STATEMENT = (
    select(*COLUMNS)
    .join(Vendor, Vendor.id == License.vendor_id)
    .where(License.expires_at > bindparam("after"), License.notes != "50 %")
    .order_by(License.global_id)
)
WHEN = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_rows_are_those_of_sqlalchemy(app: Flask, acme: Vendor) -> None:
    for block in (True, False):
        factories.make_license(acme, block=block, expires_at=WHEN)

    found = Prepared(STATEMENT).all(after=datetime(2029, 1, 1, tzinfo=UTC))

    assert found == [tuple(row) for row in db.session.execute(STATEMENT, {"after": datetime(2029, 1, 1, tzinfo=UTC)})]
    assert [(row[1], row[2]) for row in found] == [(WHEN, True), (WHEN, False)]
    assert found[0][3] == acme.switches


def test_values_are_sent_as_values(app: Flask) -> None:
    by_name = Prepared(select(User.id, User.name).where(User.name == bindparam("name")))
    odd = "a' OR 1=1 -- %s %(name)s ?"
    user = factories.make_user(name=odd)

    assert by_name.first(name=odd) == (user.id, odd)
    assert by_name.first(name="' OR 1=1 --") is None


def test_parts_of_a_union_share_their_values(app: Flask, acme: Vendor) -> None:
    license = factories.make_license(acme)
    part = select(License.key).where(License.global_id == bindparam("wanted"))

    assert Prepared(union_all(part, part)).all(wanted=license.global_id) == [(license.key,)] * 2


def test_a_forgotten_value_is_a_mistake(app: Flask) -> None:
    with pytest.raises(TypeError, match="after"):
        Prepared(STATEMENT).all()


def test_it_is_counted_like_any_other_statement(app: Flask) -> None:
    with counted(app) as seen:
        Prepared(select(User.id)).all()

    assert len(seen) == 1


def test_a_write_of_its_own_is_seen_afterwards(app: Flask) -> None:
    names = Prepared(select(User.name).order_by(User.id))
    user = factories.make_user(name="before")
    number = user.id
    db.session.commit()

    with app.app_context():
        g.read_only = True
        assert names.all() == [("before",)]
        with unit_of_work.own_transaction() as connection:
            connection.execute(update(User).where(User.id == number).values(name="after"))
        assert names.all() == [("after",)]


def test_what_follows_on_the_same_connection_can_be_dropped(app: Flask) -> None:
    names = Prepared(select(User.name).order_by(User.id))
    factories.make_user(name="before")
    db.session.commit()

    with app.app_context():
        g.read_only = True
        assert names.all() == [("before",)]
    db.session.execute(update(User).values(name="after"))
    db.session.rollback()
    assert names.all() == [("before",)]


def test_nothing_is_held_once_the_request_is_over(app: Flask, page: Page, acme: Vendor) -> None:
    page.get("/Portal/@acme.example/SignIn")
    db.session.commit()

    assert db.engine.pool.checkedout() == 0


def test_what_a_request_wrote_is_read_in_its_transaction(app: Flask) -> None:
    names = Prepared(select(User.name))
    db.session.add(User(name="unsaved", email="a@b.example", email_key="a@b.example"))
    db.session.flush()

    assert names.all() == [("unsaved",)]
    db.session.rollback()


@pytest.mark.sqlite_only
def test_a_failing_database_is_reported_as_sqlalchemy_does(app: Flask) -> None:
    statement = Prepared(select(User.id))
    statement.all()
    statement.compiled["sqlite"].sql = "SELECT nothing FROM nowhere"

    with pytest.raises(OperationalError):
        statement.all()


def test_what_the_server_has_prepared_outlives_a_reading(app: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no server.")
    db.session.remove()
    db.engine.dispose()  # so that the pool hands out the same connection each time
    for _ in range(7):  # the driver prepares what it has seen five times
        with unit_of_work.reading():
            db.session.scalars(select(Vendor.id)).all()

    prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM vendors%'"
    assert db.session.scalar(text(prepared)) == 1
    db.session.rollback()
