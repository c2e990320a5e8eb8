"""Forget events that were worked off long ago."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from portal import clock
from portal.extensions import db
from portal.webhooks.models import StripeEvent

KEEP = timedelta(days=90)  # longer than Stripe lists events, so that the sweep never takes an old one for a new one


def clean_up() -> None:
    """Delete events that are done or not ours; parked ones stay until somebody has looked."""
    old = StripeEvent.state.in_(("done", "ignored")) & (StripeEvent.done_at < clock.now() - KEEP)
    db.session.execute(delete(StripeEvent).where(old))
