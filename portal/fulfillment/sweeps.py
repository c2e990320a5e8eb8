"""Find what no event told us. Each sweep only looks for purchases to read again; `ensure` does the same for all.

Every sweep is a job that any worker may do, any number of times.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import or_, select

from portal import clock, unit_of_work
from portal.billing import gateway
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.fulfillment import service as fulfillment
from portal.fulfillment.models import PaidUnit, Purchase
from portal.outbox import service as outbox

ENSURE, ENDING, COMPARE = "fulfillment.ensure", "fulfillment.sweep_ending", "fulfillment.sweep_all"
SOON, LONG_AGO = timedelta(hours=48), timedelta(days=7)


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
        _for_each_vendor(ENDING)
        return
    now = clock.now()
    ending = select(PaidUnit.stripe_id).where(
        PaidUnit.vendor_id == vendor_id,
        PaidUnit.blocked_because == "",
        PaidUnit.paid_until.between(now - LONG_AGO, now + SOON),
    )
    open_ones = select(Purchase.stripe_id).where(
        Purchase.vendor_id == vendor_id, or_(Purchase.state == "unclaimed", Purchase.state == "waiting")
    )
    _queue(vendor_id, {*db.session.scalars(ending), *db.session.scalars(open_ones)})


def sweep_all(*, vendor_id: int | None) -> None:
    """Every subscription that Stripe has, except those that ended before we ever saw them."""
    if vendor_id is None:
        _for_each_vendor(COMPARE)
        return
    with unit_of_work.reading():
        source = fulfillment.source_of(vendor_id)
        served = set(db.session.scalars(select(Purchase.stripe_id).filter_by(vendor_id=vendor_id, state="served")))
    if source is None:
        return
    running = [one.id for one in gateway.list_subscriptions(source.connection) if one.ended_at is None]
    _queue(vendor_id, {*running, *served})


def _for_each_vendor(name: str) -> None:
    for vendor_id in db.session.scalars(select(StripeAccount.vendor_id).where(StripeAccount.api_key != "")):
        outbox.queue_job(name, vendor_id=vendor_id)


def _queue(vendor_id: int, stripe_ids: Iterable[str]) -> None:
    hour = clock.unix() // 3600
    for stripe_id in sorted(stripe_ids):
        mark = f"ensure:{vendor_id}:{stripe_id}:{hour}"[:200]
        outbox.queue_job(ENSURE, vendor_id=vendor_id, dedupe_key=mark, stripe_id=stripe_id)
