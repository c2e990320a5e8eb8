"""From an order to its key without waiting for an event: what the return page, a click and the sweep of orders do.

`look` asks Stripe with no transaction open; `apply` writes what follows in the caller's one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from portal import clock, unit_of_work
from portal.billing import checkout, gateway, orders, plans
from portal.billing import service as billing
from portal.billing.models import StripeAccount, StripeCustomer
from portal.billing.orders import Ordered
from portal.extensions import db
from portal.fulfillment import reading
from portal.fulfillment import service as fulfillment
from portal.fulfillment.facts import Facts
from portal.fulfillment.reading import Source
from portal.outbox import service as outbox
from portal.vendors import service as vendors

SWEEP, LOOK = "fulfillment.sweep_orders", "fulfillment.look_at_order"
EVERY_SECONDS = 300
RETURN_SECONDS = 3.0  # how long somebody who comes back waits for one answer of Stripe


@dataclass(frozen=True)
class Place:
    """Where to look for an order: its vendor's Stripe, and the customer's counterpart there (or an empty text)."""

    source: Source
    stripe_customer_id: str


@dataclass(frozen=True)
class Seen:
    """What Stripe has of an order. session: None where it never came to one; facts: of the purchase, once complete."""

    session: gateway.SessionRead | None
    facts: Facts | None


def place_of(order: Ordered, **limits: float) -> Place | None:
    """Where to look; None without a key of the order's mode. Reads the database: call it first."""
    vendor = vendors.get(order.vendor_id)
    connection = billing.connection_of(vendor, **limits)
    if connection is None or connection.livemode is not order.livemode:
        return None
    counterpart = select(StripeCustomer.stripe_id).filter_by(
        vendor_id=order.vendor_id, customer_id=order.customer_id, livemode=order.livemode
    )
    source = Source(order.vendor_id, connection, vendors.switches_of(vendor))
    return Place(source, db.session.scalar(counterpart) or "")


def look(place: Place, order: Ordered) -> Seen:
    """Ask Stripe. Raises the gateway's errors."""
    session = checkout.look(place.source.connection, order, place.stripe_customer_id)
    if session is None or session.status != "complete":
        return Seen(session, None)
    return Seen(session, reading.read(place.source, session.subscription_id or session.id))


def apply(order: Ordered, seen: Seen) -> None:
    """Make keys of what was paid, close what can no longer be paid, and keep an id that was lost on the way."""
    fulfillment.lock(order.vendor_id)
    session = seen.session
    if session is not None and session.id != order.session_id:
        orders.keep_session(order, session.id, session.url)
    else:
        orders.note_look(order)
    if seen.facts is not None:
        fulfillment.apply(order.vendor_id, seen.facts)
    elif _is_over(order, session):
        orders.settle(order.vendor_id, order.id, orders.EXPIRED)


def _is_over(order: Ordered, session: gateway.SessionRead | None) -> bool:
    """Whether nobody can pay it any more."""
    if session is None:
        return clock.now() - order.created_at > orders.LIFE
    return session.status == "expired"


def sweep_orders(*, vendor_id: int | None) -> None:
    """The job: look at every order that may still be paid. Works with no webhook at all."""
    if vendor_id is None:
        for each in db.session.scalars(select(StripeAccount.vendor_id).where(StripeAccount.api_key != "")):
            outbox.queue_job(SWEEP, vendor_id=each)
        return
    turn = clock.unix() // EVERY_SECONDS
    for order_id in orders.list_open(vendor_id, plans.mode_of(vendor_id)):
        mark = f"order:{vendor_id}:{order_id}:{turn}"
        outbox.queue_job(LOOK, vendor_id=vendor_id, dedupe_key=mark, order_id=order_id)


def look_at_order(*, vendor_id: int, order_id: str) -> None:
    """The job: one order. Raises the gateway's errors, so that it is retried."""
    with unit_of_work.reading():
        order = orders.find(vendor_id, order_id)
        place = place_of(order) if order else None
    if order is None or place is None:
        return
    seen = look(place, order)
    apply(order, seen)
