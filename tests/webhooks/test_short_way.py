"""The short way past the portal: what takes it, that it looks no different, and that it never refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, request_started
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal import clock, unit_of_work
from portal.billing import service as billing
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.vendors.models import Vendor
from portal.webhooks import inbox
from portal.webhooks.models import StripeEvent
from tests.support.page import Page
from tests.webhooks.letters import SECRET, deliver, event, signature


@pytest.fixture
def vendor(acme: Vendor) -> Vendor:
    """Acme, with a door."""
    billing.set_account(acme, webhook_secrets=[SECRET])
    db.session.commit()
    return acme


@pytest.fixture
def seen(app: Flask) -> Iterator[list[str]]:
    """Requests that have reached the portal itself."""
    paths: list[str] = []

    def note(sender: Flask) -> None:
        from flask import request

        paths.append(request.path)

    with request_started.connected_to(note, app):
        yield paths


def stored() -> list[StripeEvent]:
    """The inbox."""
    db.session.rollback()
    return list(db.session.scalars(select(StripeEvent).order_by(StripeEvent.id)))


def test_only_the_first_event_takes_the_long_way_and_both_are_answered_alike(
    page: Page, vendor: Vendor, seen: list[str]
) -> None:
    first, second = deliver(page, event(), vendor.id), deliver(page, event(), vendor.id)

    assert len(seen) == 1
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert sorted(first.headers.items()) == sorted(second.headers.items())
    assert len(stored()) == 2


def test_a_change_of_the_account_shows_at_once_where_it_lets_in_and_soon_where_it_refuses(
    page: Page, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The door remembers an account for a second; it must neither refuse nor ignore for what it remembers."""
    account = db.session.get_one(StripeAccount, vendor.id)
    account.livemode = True
    assert deliver(page, event(), vendor.id).status_code == 200
    billing.set_account(vendor, webhook_secrets=["whsec_third5555555555"])
    account.livemode = False
    body, late = event(), event()

    assert deliver(page, body, vendor.id, signature(body, "whsec_third5555555555")).status_code == 200
    assert [row.state for row in stored()] == ["ignored", "received"]
    after = clock.monotonic() + inbox.FRESH
    monkeypatch.setattr(clock, "monotonic", lambda: after)
    assert deliver(page, late, vendor.id, signature(late, SECRET)).status_code == 400


def test_what_is_not_stripes_own_way_of_asking_is_for_the_portal(page: Page, vendor: Vendor, seen: list[str]) -> None:
    deliver(page, event(), vendor.id)

    assert deliver(page, event(), f"{vendor.id}&more=1").status_code == 200
    assert deliver(page, event(), vendor.id, base_url="http://elsewhere.example").status_code == 400
    assert deliver(page, event(), vendor.id, method="PUT").status_code == 405
    assert len(seen) == 4 and len(stored()) == 2


def test_what_the_short_way_cannot_store_the_portal_stores_or_refuses(
    page: Page, vendor: Vendor, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(page, event(), vendor.id)
    write, hindered = unit_of_work.own_statement, [True]

    def hinder(statement: str, values: object) -> None:
        if hindered and hindered.pop():
            raise OperationalError("write", None, OSError("the disk is full"))
        write(statement, values)

    monkeypatch.setattr(unit_of_work, "own_statement", hinder)
    assert deliver(page, event(), vendor.id).status_code == 200
    hindered += [True, True]
    assert deliver(page, event(), vendor.id).status_code == 503
    assert len(seen) == 2 + 1 and len(stored()) == 2
