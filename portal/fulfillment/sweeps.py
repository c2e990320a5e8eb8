"""Find what no event told us. Each sweep only looks for purchases to read again; `ensure` does the same for all.

Every sweep is a job that any worker may do, any number of times, and that may be killed anywhere: what it queues and
its own end are one transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update

from portal import clock, unit_of_work
from portal.billing import gateway
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.fulfillment import service as fulfillment
from portal.fulfillment import states
from portal.fulfillment.beside import ENSURE
from portal.fulfillment.models import PaidUnit, Purchase
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem

ENDING, COMPARE = "fulfillment.sweep_ending", "fulfillment.sweep_all"
SOON, LONG_AGO = timedelta(hours=48), timedelta(days=7)
YOUNG = timedelta(days=3)  # what waits or is unclaimed is looked at every hour at first, then once a day
WAITS_AT_MOST = timedelta(days=60)
MAY_COME_BACK = timedelta(days=180)  # refunds and disputes of payments that happen once
RECENTLY = timedelta(days=35)
EVER = 0  # unix seconds
SUBSCRIPTIONS, SESSIONS, INVOICES = "subscriptions", "sessions", "invoices"


def ensure(*, vendor_id: int, stripe_id: str) -> None:
    """The job: read one purchase again and apply what follows. Raises the gateway's errors, so that it is retried."""
    with unit_of_work.reading():
        source = fulfillment.source_of(vendor_id)
    facts = fulfillment.read(source, stripe_id) if source else None
    if facts is not None:
        fulfillment.apply(vendor_id, facts)


def sweep_ending(*, vendor_id: int | None) -> None:
    """Every purchase with a key that ends within two days or ended within the last week, and what waits for staff."""
    if vendor_id is None:
        for_each_vendor(ENDING)
        return
    now = clock.now()
    ending = select(PaidUnit.stripe_id).where(
        PaidUnit.vendor_id == vendor_id,
        PaidUnit.blocked_because == "",
        PaidUnit.paid_until.between(now - LONG_AGO, now + SOON),
    )
    waits = Purchase.state.in_(("unclaimed", "waiting"))
    young = select(Purchase.stripe_id).where(
        Purchase.vendor_id == vendor_id, waits, Purchase.first_seen_at > now - YOUNG
    )
    queue_ensure(vendor_id, {*db.session.scalars(ending), *db.session.scalars(young)})


def sweep_all(*, vendor_id: int | None, part: str = "", after: str = "", since: int | None = None) -> None:
    """Everything that was sold, a page of Stripe's lists at a time: what we do not know, and what may have changed.

    part: of the whole; each turn queues the one that follows. since: unix seconds, for payments that happen once.
    """
    if vendor_id is None:
        for_each_vendor(COMPARE)
        return
    with unit_of_work.reading():
        source = fulfillment.source_of(vendor_id)
    if source is None:
        return
    first = not part
    part = part or SUBSCRIPTIONS
    since = int((clock.now() - RECENTLY).timestamp()) if since is None else since
    page = _page(source.connection, part, after, since)
    if first:
        queue_ensure(vendor_id, _known_ones(vendor_id))
    queue_ensure(vendor_id, _to_look_at(vendor_id, part, page, since))
    following = {SUBSCRIPTIONS: SESSIONS, SESSIONS: INVOICES}.get(part, "")
    if page.after or following:
        next_part = part if page.after else following
        outbox.queue_job(COMPARE, vendor_id=vendor_id, part=next_part, after=page.after, since=since)


def queue_rebuild(vendor_id: int) -> None:
    """Have everything read again that was ever sold, as after restoring an old backup or a month without a worker."""
    outbox.queue_job(COMPARE, vendor_id=vendor_id, since=EVER)


def for_each_vendor(name: str) -> None:
    """Queue a job for every vendor with a Stripe key. One that still waits there gets its turn now: it may have failed
    so often that it would rest for hours, although Stripe answers again.
    """
    waiting = and_(OutboxItem.state == "waiting", OutboxItem.name == name, OutboxItem.vendor_id.is_not(None))
    wait = set(db.session.scalars(select(OutboxItem.vendor_id).where(waiting)))
    _bring_forward(and_(waiting, OutboxItem.lease_until.is_(None)))
    for vendor_id in db.session.scalars(select(StripeAccount.vendor_id).where(StripeAccount.api_key != "")):
        if vendor_id not in wait:
            outbox.queue_job(name, vendor_id=vendor_id)


def queue_ensure(vendor_id: int, stripe_ids: Iterable[str]) -> None:
    """Have these purchases read again soon. One that waits for it already gets its turn now, whatever it waits for."""
    wanted = sorted(set(stripe_ids))
    if not wanted:
        return
    waiting = and_(
        OutboxItem.state == "waiting",
        OutboxItem.name == ENSURE,
        OutboxItem.vendor_id == vendor_id,
        OutboxItem.lease_until.is_(None),
    )
    rows = db.session.execute(select(OutboxItem.id, OutboxItem.dedupe_key).where(waiting).with_for_update()).all()
    there = {(key or "").split(":")[2]: row for row, key in rows if (key or "").count(":") >= 3}
    again = [there[stripe_id] for stripe_id in wanted if stripe_id in there]
    for start in range(0, len(again), 500):
        _bring_forward(OutboxItem.id.in_(again[start : start + 500]))
    for stripe_id in wanted:
        if stripe_id not in there:
            mark = f"ensure:{vendor_id}:{stripe_id}:{secrets.token_hex(8)}"[:200]
            outbox.queue_job(ENSURE, vendor_id=vendor_id, dedupe_key=mark, stripe_id=stripe_id)


def _bring_forward(which: ColumnElement[bool]) -> None:
    now = clock.now()
    db.session.execute(update(OutboxItem).where(which, OutboxItem.available_at > now).values(available_at=now))


def _page(connection: gateway.Connection, part: str, after: str, since: int) -> gateway.Page:
    if part == SESSIONS:
        return gateway.page_of_sessions(connection, since, after)
    if part == INVOICES:
        return gateway.page_of_invoices(connection, since, after)
    return gateway.page_of_subscriptions(connection, after)


def _to_look_at(vendor_id: int, part: str, page: gateway.Page, since: int) -> set[str]:
    """Subscriptions that run, and those that ended without our knowing; of the rest, what we never saw, or all."""
    mine = select(Purchase.stripe_id, Purchase.state, Purchase.status).where(
        Purchase.vendor_id == vendor_id, Purchase.stripe_id.in_(page.ids)
    )
    known = db.session.execute(mine).all()
    if part != SUBSCRIPTIONS:
        return set(page.ids) if since == EVER else set(page.ids) - {row.stripe_id for row in known}
    runs_for_us = {row.stripe_id for row in known if row.state != "ended" or row.status not in states.OVER}
    return {one for one in page.ids if one not in page.ended or one in runs_for_us}


def _known_ones(vendor_id: int) -> set[str]:
    """What may have changed without an event, and is on none of the lists, or too far down."""
    now = clock.now()
    waits = and_(Purchase.state.in_(("unclaimed", "waiting")), Purchase.first_seen_at > now - WAITS_AT_MOST)
    once = Purchase.stripe_id.startswith("cs_") | Purchase.stripe_id.startswith("in_")
    given_back = and_(Purchase.state == "ended", Purchase.reason.in_(states.MONEY_WENT_BACK))
    paid_once = and_(once, or_(Purchase.state == "served", given_back), Purchase.first_seen_at > now - MAY_COME_BACK)
    mine = select(Purchase.stripe_id).where(Purchase.vendor_id == vendor_id, or_(waits, paid_once))
    return set(db.session.scalars(mine))
