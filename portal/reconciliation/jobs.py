"""The comparison as a job: every night, after a full sweep had its time, and whenever staff ask for it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from portal import clock
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem
from portal.reconciliation import account, alarms, ledger
from portal.vendors.service import HasId

COMPARE = "reconciliation.compare"
AFTER_THE_SWEEP = timedelta(minutes=30)  # the full sweep begins at the same moment, and repairs most by itself
AGAIN = timedelta(minutes=15)


def compare(*, vendor_id: int | None) -> None:
    """The job: compare one vendor's account, or queue that for all. Where Stripe is away it is done again later."""
    if vendor_id is None:
        for each in db.session.scalars(select(StripeAccount.vendor_id).where(StripeAccount.api_key != "")):
            outbox.queue_job(COMPARE, vendor_id=each, available_at=clock.now() + AFTER_THE_SWEEP)
        return
    comparison = account.compare(vendor_id)
    ledger.record(comparison)
    alarms.tell(vendor_id)
    if comparison.failure:
        later = clock.now() + AGAIN
        mark = f"{COMPARE}:{vendor_id}:again:{int(later.timestamp()) // int(AGAIN.total_seconds())}"
        outbox.queue_job(COMPARE, vendor_id=vendor_id, dedupe_key=mark, available_at=later)


def ask_for(vendor: HasId) -> bool:
    """Queue a comparison now, in the caller's transaction; whether none was waiting already."""
    if is_waiting(vendor):
        return False
    outbox.queue_job(COMPARE, vendor_id=vendor.id)
    return True


def is_waiting(vendor: HasId) -> bool:
    """Whether a comparison is about to be done, or being done."""
    due = select(OutboxItem.id).where(
        OutboxItem.state == "waiting",
        OutboxItem.available_at <= clock.now() + timedelta(seconds=5),
        OutboxItem.name == COMPARE,
        OutboxItem.vendor_id == vendor.id,
    )
    return db.session.scalar(due.limit(1)) is not None
