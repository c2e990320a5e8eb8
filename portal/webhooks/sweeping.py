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
from portal.fulfillment import sweeps
from portal.fulfillment.reading import Source
from portal.outbox import service as outbox
from portal.webhooks import endpoint, inbox
from portal.webhooks.event_types import HANDLED
from portal.webhooks.models import StripeEvent

SWEEP = "webhooks.sweep_events"
OVERLAP = timedelta(hours=1)  # events do not appear in the order of their times
LONGEST_AGO = timedelta(days=29)  # Stripe keeps them for thirty days
MOST_AT_ONCE = timedelta(days=10)  # of events in one transaction; the next turn follows at once
MOST_TYPES = 20


def sweep_events(*, vendor_id: int | None) -> None:
    """Store what happened since the last sweep and is not in the inbox yet.

    Where the list does not go back far enough (a new account, or an old backup), everything sold is looked through.
    """
    if vendor_id is None:
        sweeps.for_each_vendor(SWEEP)
        return
    with unit_of_work.reading():
        source = fulfillment.source_of(vendor_id)
        cursor = db.session.scalar(select(StripeAccount.events_until).where(StripeAccount.vendor_id == vendor_id))
        door = inbox.find_endpoint(str(vendor_id))
    if source is None or door is None:
        return
    health, now = endpoint.check_endpoint(source), clock.now()
    since = max(cursor - OVERLAP if cursor else now - LONGEST_AGO, now - LONGEST_AGO)
    until = min(now, since + OVERLAP + MOST_AT_ONCE)
    found = _between(source, since, until if until < now else None)
    if not _move_cursor(vendor_id, cursor, until):
        return
    endpoint.keep(vendor_id, health)
    known = _known(vendor_id, [str(event.get("id")) for event in found])
    for event in found:
        if event.get("id") not in known:
            row = inbox.row_for(door, json.dumps(event, default=str).encode(), is_fetched=True)
            inbox.store(db.session.connection(), row)
    if until < now:
        outbox.queue_job(SWEEP, vendor_id=vendor_id)
    if cursor is None or cursor < now - LONGEST_AGO:
        sweeps.queue_rebuild(vendor_id)


def _move_cursor(vendor_id: int, before: datetime | None, until: datetime) -> bool:
    """Note up to when the list was read, unless another worker was there meanwhile."""
    mine = select(StripeAccount).filter_by(vendor_id=vendor_id).with_for_update()
    account = db.session.scalar(mine.execution_options(populate_existing=True))
    if account is None or account.events_until != before:
        return False
    account.events_until = until
    return True


def _between(source: Source, since: datetime, until: datetime | None) -> list[dict[str, Any]]:
    """What happened in between, once each: first what no endpoint of the vendor has taken, then the rest; oldest first.

    until: None for all there is: Stripe's clock may be ahead of ours. Sorting is by second, and the end belongs to it:
    the next turn looks at the last hour again.
    """
    types = sorted(HANDLED)
    first, last = int(since.timestamp()), int(until.timestamp()) + 1 if until else None
    found: dict[str, dict[str, Any]] = {}
    for undelivered in (True, False):
        events = [
            event
            for start in range(0, len(types), MOST_TYPES)
            for event in gateway.list_events(
                source.connection, first, last, types[start : start + MOST_TYPES], undelivered=undelivered
            )
        ]
        for event in sorted(events, key=lambda event: event.get("created") or 0):
            found.setdefault(str(event.get("id")), event)
    return list(found.values())


def _known(vendor_id: int, ids: list[str]) -> set[str]:
    """Those that stand in the inbox already, whatever their body: the list renders events differently."""
    known: set[str] = set()
    for start in range(0, len(ids), 500):
        part = StripeEvent.event_id.in_(ids[start : start + 500])
        known |= set(db.session.scalars(select(StripeEvent.event_id).where(StripeEvent.vendor_id == vendor_id, part)))
    return known
