"""Events that never reached our door: fetched from Stripe's list into the inbox, where they are worked off as usual.

It works with no webhook endpoint at all.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from portal import clock, unit_of_work
from portal.billing import gateway
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.fulfillment import service as fulfillment
from portal.fulfillment.reading import Source
from portal.outbox import service as outbox
from portal.webhooks import inbox
from portal.webhooks.event_types import HANDLED
from portal.webhooks.models import StripeEvent

SWEEP = "webhooks.sweep_events"
OVERLAP = timedelta(hours=1)  # events do not appear in the order of their times
LONGEST_AGO = timedelta(days=29)  # Stripe keeps them for thirty days
MOST_TYPES = 20


def sweep_events(*, vendor_id: int | None) -> None:
    """Store what happened since the last sweep and is not in the inbox yet."""
    if vendor_id is None:
        for each in db.session.scalars(select(StripeAccount.vendor_id).where(StripeAccount.api_key != "")):
            outbox.queue_job(SWEEP, vendor_id=each)
        return
    with unit_of_work.reading():
        source = fulfillment.source_of(vendor_id)
        cursor = db.session.scalar(select(StripeAccount.events_until).where(StripeAccount.vendor_id == vendor_id))
    if source is None:
        return
    asked_at = clock.now()
    found = _since(source, cursor, asked_at)
    endpoint = inbox.find_endpoint(str(vendor_id))
    account = db.session.get(StripeAccount, vendor_id)
    if endpoint is None or account is None:
        return
    known = _known(vendor_id, [str(event.get("id")) for event in found])
    for event in found:
        if event.get("id") not in known:
            inbox.store(db.session.connection(), inbox.row_for(endpoint, json.dumps(event, default=str).encode()))
    account.events_until = asked_at


def _since(source: Source, cursor: datetime | None, now: datetime) -> list[dict[str, Any]]:
    """Oldest first."""
    since = max(cursor - OVERLAP if cursor else now - LONGEST_AGO, now - LONGEST_AGO)
    types = sorted(HANDLED)
    parts = [types[start : start + MOST_TYPES] for start in range(0, len(types), MOST_TYPES)]
    found = [event for part in parts for event in gateway.list_events(source.connection, int(since.timestamp()), part)]
    return sorted(found, key=lambda event: event.get("created") or 0)


def _known(vendor_id: int, ids: list[str]) -> set[str]:
    """Those that stand in the inbox already, whatever their body: the list renders events differently."""
    known: set[str] = set()
    for start in range(0, len(ids), 500):
        part = StripeEvent.event_id.in_(ids[start : start + 500])
        known |= set(db.session.scalars(select(StripeEvent.event_id).where(StripeEvent.vendor_id == vendor_id, part)))
    return known
