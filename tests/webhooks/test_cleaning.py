"""The inbox does not grow for ever, and what nobody has settled stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal import clock
from portal.billing import service as billing
from portal.extensions import db
from portal.outbox.worker import Worker
from portal.vendors.models import Vendor
from portal.webhooks.models import StripeEvent
from tests.support.page import Page
from tests.webhooks.letters import SECRET, deliver, event


@pytest.mark.parametrize(("state", "is_kept"), [("done", False), ("ignored", False), ("parked", True)])
def test_old_events_are_deleted_unless_parked(app: Flask, page: Page, acme: Vendor, state: str, is_kept: bool) -> None:
    billing.set_account(acme, webhook_secrets=[SECRET])
    deliver(page, event(), acme.id)
    db.session.execute(update(StripeEvent).values(state=state, done_at=clock.now()))
    db.session.commit()

    Worker(app).tidy()
    assert db.session.scalars(select(StripeEvent)).all()
    db.session.rollback()
    clock.move(timedelta(days=91))
    Worker(app).tidy()
    assert bool(db.session.scalars(select(StripeEvent)).all()) is is_kept
