"""Work off the inbox: read each subject's purchases again, apply what follows, and end the events in the same commit.

Any number of workers may do this, and any of them may be killed at any time.
"""

from __future__ import annotations

from flask import g
from sqlalchemy import Connection

from portal import clock, failpoints, logging, unit_of_work
from portal.billing import gateway, plans
from portal.billing import service as billing
from portal.errors import NotFound, PortalError
from portal.extensions import db
from portal.fulfillment import service as fulfillment
from portal.fulfillment import sweeps, unclaimed
from portal.fulfillment.facts import Facts
from portal.fulfillment.reading import Source
from portal.outbox import claims as outbox_claims
from portal.outbox.claims import MOST_TRIES
from portal.webhooks import claims
from portal.webhooks.claims import Claim
from portal.webhooks.event_types import CATALOG
from portal.webhooks.models import StripeEvent

__all__ = ["Overtaken", "replay", "work_once"]

TRIES_IF_UNKNOWN = 3


class Overtaken(Exception):
    """The lease ran out and another worker took the events: what this one did to the database is dropped."""


class Outpaced(Exception):
    """Twice another worker had a newer reading: their clocks differ. It is tried again until ours is the newest."""


def work_once() -> bool | None:
    """Handle the events of one subject, in an app context of its own. Whether it went well; None if nothing is due."""
    claim = outbox_claims.take(claims.is_due, _claim)
    if claim is None:
        return None
    failpoints.reach("webhooks.claim.after_commit")
    if claim.attempts > MOST_TRIES:
        return _fail(claim, "The worker was stopped in the middle of every try.")
    try:
        _handle(claim)
        return True
    except Exception as error:
        db.session.rollback()
        g.read_only = False
        reason = error.message if isinstance(error, PortalError) and error.message else str(error)
        logging.get().warning("event failed", subject=claim.subject, vendor=claim.vendor_id, exc_info=error)
        return _fail(claim, f"{type(error).__name__}: {reason}")


def _fail(claim: Claim, reason: str) -> bool:
    for statement in claims.failed(claim, reason):
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


def _claim(connection: Connection) -> Claim | None:
    claim = claims.claim(connection)
    failpoints.reach("webhooks.claim.before_commit")
    return claim


def _handle(claim: Claim) -> None:
    """Read with no transaction open; then one transaction for everything that follows, the events' end included."""
    with unit_of_work.reading():
        source = fulfillment.source_of(claim.vendor_id)
    if source is None:
        raise gateway.KeyRefused("There is no Stripe key to read with.")
    if claim.subject.startswith("cus_"):
        note = _look_at_customer(claim, source)
    else:
        note = _ensure(claim, source)
    if CATALOG.intersection(claim.kinds):
        plans.queue_sync(claim.vendor_id, soon=True)
    failpoints.reach("webhooks.handle.before_done")
    db.session.flush()
    if not claims.done(db.session.connection(), claim, note):
        raise Overtaken("Another worker took over.")
    failpoints.reach("webhooks.handle.before_commit")
    db.session.commit()
    failpoints.reach("webhooks.handle.after_commit")


def _ensure(claim: Claim, source: Source) -> str:
    """Read the purchases of the subject and apply what follows; again where somebody else was faster with less."""
    for _ in range(2):
        found = [_read(claim, source, stripe_id) for stripe_id in fulfillment.purchases_of(source, claim.subject)]
        failpoints.reach("webhooks.handle.before_apply")
        outcomes = [fulfillment.apply(claim.vendor_id, facts) for facts in found if facts is not None]
        states = list(dict.fromkeys(outcome.state for outcome in outcomes))
        if "stale" not in states:
            return ", ".join(states)
        db.session.rollback()
    raise Outpaced("A newer reading is there already.")


def _read(claim: Claim, source: Source, stripe_id: str) -> Facts | None:
    """The purchase. Stripe may tell of it a moment before it can be read, so that not found is not believed at once."""
    try:
        return fulfillment.get(source, stripe_id)
    except gateway.NoSuchPurchase:
        if claim.attempts < TRIES_IF_UNKNOWN:
            raise
        return None


def _look_at_customer(claim: Claim, source: Source) -> str:
    """Note what became of the customer, and have each of its purchases looked at by itself: there may be many.

    Whose the customer is may be known from now on: then what was paid and belonged to nobody is theirs.
    """
    read_at = clock.now()
    try:
        customer = gateway.retrieve_customer(source.connection, claim.subject)
    except gateway.NoSuchCustomer:
        return "unknown"
    purchases = {*fulfillment.purchases_of(source, claim.subject), *unclaimed.of_payer(claim.vendor_id, claim.subject)}
    billing.record_customer(claim.vendor_id, customer, source.connection.livemode, read_at)
    sweeps.queue_ensure(claim.vendor_id, purchases)
    return "queued" if purchases else ""
