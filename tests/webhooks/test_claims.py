"""Which events a worker gets: the longest waiting first, and never a subject that another one is at."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, text, update

from portal import clock
from portal.extensions import db
from portal.outbox.claims import LEASE
from portal.vendors.models import Vendor
from portal.webhooks import claims
from portal.webhooks.claims import Claim
from portal.webhooks.models import StripeEvent

pytestmark = pytest.mark.usefixtures("app")


def tell(vendor: Vendor, *subjects: str) -> None:
    """An event of each, a second apart, the last one just now."""
    first = clock.now() - timedelta(seconds=len(subjects))
    rows = [
        {
            "vendor_id": vendor.id,
            "event_id": f"evt_{secrets.token_hex(8)}",
            "sha256": "",
            "raw": "",
            "type": "customer.subscription.updated",
            "subject": subject,
            "created_at": first,
            "available_at": first + timedelta(seconds=number),
        }
        for number, subject in enumerate(subjects)
    ]
    db.session.execute(insert(StripeEvent), rows)
    db.session.commit()


def claim() -> Claim | None:
    with db.engine.begin() as connection:
        return claims.claim(connection)


def subjects_of(found: Sequence[Claim | None]) -> list[str]:
    return [one.subject for one in found if one is not None]


def test_the_longest_waiting_comes_first_with_all_of_its_subject(acme: Vendor) -> None:
    tell(acme, "sub_2", "sub_1", "sub_2", "sub_3")
    found = [claim() for _ in range(4)]

    assert subjects_of(found) == ["sub_2", "sub_1", "sub_3"]
    assert [len(one.fences) for one in found if one is not None] == [2, 1, 1]


def test_what_comes_in_while_its_subject_is_worked_on_waits(acme: Vendor) -> None:
    tell(acme, "sub_1")
    first = claim()
    tell(acme, "sub_1", "sub_2")

    assert subjects_of([claim(), claim()]) == ["sub_2"]
    assert first is not None
    with db.engine.begin() as connection:
        assert claims.done(connection, first)
    assert subjects_of([claim()]) == ["sub_1"]


def test_events_about_nothing_do_not_wait_for_each_other(acme: Vendor) -> None:
    tell(acme, "", "")

    assert [len(one.fences) for one in (claim(), claim()) if one is not None] == [1, 1]


def test_a_worker_that_died_holds_its_subject_for_the_lease_only(acme: Vendor) -> None:
    tell(acme, "sub_1", "sub_1")
    assert claim() is not None
    assert claim() is None
    clock.move(LEASE + timedelta(seconds=1))

    again = claim()
    assert again is not None
    assert (len(again.fences), again.attempts) == (2, 2)


def test_two_workers_that_claim_at_once_get_two_subjects(acme: Vendor) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite lets one claim at a time.")
    tell(acme, "sub_1", "sub_1", "sub_2", "sub_2")
    with db.engine.begin() as one, db.engine.begin() as another, db.engine.begin() as third:
        assert one.execute(claims.next_locked(), {"now": clock.now()}).one().subject == "sub_1"
        found = [claims.claim(another), claims.claim(third), claims.claim(one)]

    assert subjects_of(found) == ["sub_2", "sub_1"]
    assert [len(each.fences) for each in found if each is not None] == [2, 2]


@pytest.mark.parametrize("is_known", [True, False], ids=["statistics from before", "no statistics"])
def test_a_backlog_is_not_sorted_for_each_claim(acme: Vendor, is_known: bool) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite reads the index in order.")
    tell(acme, *(f"sub_{number}" for number in range(500)))
    if is_known:
        db.session.execute(update(StripeEvent).values(state="done"))
        db.session.execute(text("ANALYZE stripe_events"))
        db.session.commit()
        tell(acme, *(f"sub_new{number}" for number in range(500)))
    compiled = claims.next_locked().compile(dialect=db.engine.dialect)
    with db.engine.begin() as connection:
        connection.execute(claims.IN_ORDER)
        facts = compiled.construct_params({"now": clock.now()})
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {compiled}", facts).scalars())

    assert "ix_stripe_events_due" in plan
    assert "Sort" not in plan


def test_sqlite_does_not_read_the_whole_backlog_for_one_subject(acme: Vendor) -> None:
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL chooses by its statistics.")
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        sent.append((statement, values))

    tell(acme, "sub_1", "sub_2")
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert claim() is not None
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    statement, values = next(one for one in sent if one[0].startswith("UPDATE"))
    with db.engine.connect() as connection:
        plan = "\n".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))

    assert "ix_stripe_events_subject" in plan
    assert "ix_stripe_events_due" not in plan
