"""What a purchase means for the order it came from, if it came from one of ours."""

from __future__ import annotations

from portal.billing import orders
from portal.fulfillment import states
from portal.fulfillment.facts import Facts

NEVER_PAID = ("incomplete_expired", "canceled", "past_due", "unpaid")


def order_of(facts: Facts) -> str:
    """The id of the order that a purchase names, or an empty text. Only we write it, never a buyer."""
    return facts.metadata.get("latchkey_order") or facts.session_metadata.get("latchkey_order", "")


def settle(vendor_id: int, facts: Facts) -> None:
    """Bring the order to what the facts say, in the caller's transaction."""
    order_id, state = order_of(facts), state_after(facts)
    if order_id and state and orders.customer_of(vendor_id, order_id, facts.livemode) is not None:
        orders.settle(vendor_id, order_id, state, stripe_id=facts.stripe_id)


def state_after(facts: Facts) -> str:
    """The order's state: paid, waiting for the bank, failed, expired; empty while the checkout is open."""
    if facts.is_paid:
        return orders.PAID
    if facts.status in ("open", "expired"):
        return orders.EXPIRED if facts.status == "expired" else ""
    if facts.is_refused or (facts.status in NEVER_PAID and not facts.stripe_id.startswith("cs_")):
        return orders.FAILED
    return orders.WAITING if facts.effect == states.WAIT or facts.purchase else ""
