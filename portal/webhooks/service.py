"""Work off the inbox: read each subject's purchases again, apply what follows, and end the events in the same commit.

Any number of workers may do this, and any of them may be killed at any time.
"""

from __future__ import annotations

from flask import g

from portal import failpoints, logging, unit_of_work
from portal.billing import gateway, plans
from portal.errors import NotFound, PortalError
from portal.extensions import db
from portal.fulfillment import service as fulfillment
from portal.webhooks import claims
from portal.webhooks.claims import Claim
from portal.webhooks.event_types import CATALOG
from portal.webhooks.models import StripeEvent

__all__ = ["Overtaken", "replay", "work_once"]


class Overtaken(Exception):
    """The lease ran out and another worker took the events: what this one did to the database is dropped."""


def work_once() -> bool | None:
    """Handle the events of one subject, in an app context of its own. Whether it went well; None if nothing is due."""
    claim = _claim()
    if claim is None:
        return None
    try:
        _handle(claim)
        return True
    except Exception as error:
        db.session.rollback()
        g.read_only = False
        reason = error.message if isinstance(error, PortalError) and error.message else str(error)
        logging.get().warning("event failed", subject=claim.subject, vendor=claim.vendor_id, exc_info=error)
        for statement in claims.failed(claim, f"{type(error).__name__}: {reason}"):
            db.session.execute(statement)
        failpoints.reach("webhooks.failed.before_commit")
        db.session.commit()
        failpoints.reach("webhooks.failed.after_commit")
        return False


def replay(vendor_id: int, event_row: int) -> StripeEvent:
    """Put a parked event back, in the caller's transaction. Raises NotFound."""
    event = db.session.get(StripeEvent, event_row)
    if event is None or event.vendor_id != vendor_id or event.state not in ("parked", "received"):
        raise NotFound
    event.state, event.attempts, event.lease_until, event.available_at = "received", 0, None, event.received_at
    return event


def _claim() -> Claim | None:
    g.read_only = True
    with db.engine.connect() as connection:
        is_due = claims.is_due(connection)
    g.read_only = False
    if not is_due:
        return None
    with db.engine.begin() as connection:
        claim = claims.claim(connection)
        failpoints.reach("webhooks.claim.before_commit")
    failpoints.reach("webhooks.claim.after_commit")
    return claim


def _handle(claim: Claim) -> None:
    """Read with no transaction open; then one transaction for everything that follows, the events' end included.

    Several purchases of one customer are applied together: they are few, and the customer's events rare.
    """
    with unit_of_work.reading():
        source = fulfillment.source_of(claim.vendor_id)
    if source is None:
        raise gateway.KeyRefused("There is no Stripe key to read with.")
    purchases = fulfillment.purchases_of(source, claim.subject)
    found = [fulfillment.read(source, stripe_id) for stripe_id in purchases]
    failpoints.reach("webhooks.handle.before_apply")
    outcomes = [fulfillment.apply(claim.vendor_id, facts) for facts in found if facts is not None]
    note = ", ".join(dict.fromkeys(outcome.state for outcome in outcomes))
    if CATALOG.intersection(claim.kinds):
        plans.queue_sync(claim.vendor_id, soon=True)
    failpoints.reach("webhooks.handle.before_done")
    for statement in claims.done(claim, note):
        if db.session.execute(statement).rowcount != 1:  # type: ignore[attr-defined]
            raise Overtaken("Another worker took over.")
    failpoints.reach("webhooks.handle.before_commit")
    db.session.commit()
    failpoints.reach("webhooks.handle.after_commit")
