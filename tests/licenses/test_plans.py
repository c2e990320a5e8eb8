"""The pages asked for most find their rows by an index that leads to them, however large the tables grow."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import event

from portal.extensions import db
from portal.vendors.models import Vendor
from tests.factories import make_association, make_customer, make_license, make_machine, make_user
from tests.support.page import Page

pytestmark = pytest.mark.sqlite_only
GROWING = (
    "associations",
    "customers",
    "data_objects",
    "licenses",
    "machines",
    "subscriptions",
    "terms_acceptances",
    "user_sessions",
    "users",
)


@pytest.mark.parametrize("path", ["Licenses", "Licenses/1", "Billing", "SignIn", ""])
def test_no_step_reads_all_rows_of_a_vendor(path: str, app: Flask, page: Page, acme: Vendor) -> None:
    customer = make_customer(acme)
    make_machine(make_license(acme, customer=customer))
    user = make_user()
    make_association(user, customer)
    if path != "SignIn":
        page.sign_in(user)

    steps = plan_of(app, page, f"/Portal/@acme.example/{path}")

    assert steps
    assert [step for step in steps if is_slow(step)] == []


def plan_of(app: Flask, page: Page, path: str) -> list[str]:
    """How SQLite finds the rows of every statement a page sends."""
    sent = []
    with app.app_context():
        engine = db.engine
    listener = lambda connection, cursor, sql, values, *rest: sent.append((sql, values))  # noqa: E731
    event.listen(engine, "before_cursor_execute", listener)
    page.get(path)
    event.remove(engine, "before_cursor_execute", listener)
    with engine.connect() as connection:
        return [
            str(step[-1])
            for sql, values in sent
            if sql.lstrip().upper().startswith("SELECT")
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", tuple(values))
        ]


def is_slow(step: str) -> bool:
    """Whether a step walks a table that grows: without an index, or by one that only names the vendor."""
    table = step.split()[1] if " " in step else ""
    return table in GROWING and (step.startswith("SCAN") or step.removesuffix(" LEFT-JOIN").endswith("(vendor_id=?)"))


def test_a_page_takes_at_most_four_requests(page: Page, acme: Vendor) -> None:
    user = make_user()
    make_association(user, make_customer(acme))
    page.sign_in(user)

    page.get("/Portal/@acme.example/Licenses")

    files = page.soup.select("link[rel=stylesheet], link[rel=icon], script[src], img[src]")
    fetched = [tag for tag in files if not str(tag.get("href") or tag.get("src")).startswith("data:")]
    assert len(fetched) <= 3
