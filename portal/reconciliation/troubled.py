"""Events that were given up, or fail and are tried again."""

from __future__ import annotations

from sqlalchemy import and_, func, or_, select

from portal.extensions import db
from portal.vendors.service import HasId
from portal.webhooks import service as webhooks
from portal.webhooks.models import StripeEvent

AT_ONCE = 1000


def list_for(vendor: HasId, *, before: int | None = None, limit: int = 50) -> list[StripeEvent]:
    """Parked events and those that failed before, newest first."""
    fails = and_(StripeEvent.state == "received", StripeEvent.attempts > 0, StripeEvent.last_error != "")
    mine = select(StripeEvent).where(StripeEvent.vendor_id == vendor.id, or_(StripeEvent.state == "parked", fails))
    if before is not None:
        mine = mine.where(StripeEvent.id < before)
    return list(db.session.scalars(mine.order_by(StripeEvent.id.desc()).limit(limit)))


def count_parked(vendor: HasId) -> int:
    """How many were given up."""
    parked = select(func.count()).where(StripeEvent.vendor_id == vendor.id, StripeEvent.state == "parked")
    return db.session.scalar(parked) or 0


def replay_parked(vendor: HasId) -> int:
    """Put up to a thousand parked events back, the oldest first, in the caller's transaction; how many."""
    parked = select(StripeEvent.id).where(StripeEvent.vendor_id == vendor.id, StripeEvent.state == "parked")
    rows = list(db.session.scalars(parked.order_by(StripeEvent.id).limit(AT_ONCE)))
    for row in rows:
        webhooks.replay(vendor.id, row)
    return len(rows)
