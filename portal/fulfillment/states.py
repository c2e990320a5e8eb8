"""From Stripe's state to the license's: the whole table, as data. `docs/fulfillment.md` shows it to people.

What is not in it keeps every license as it is and asks staff to look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.billing.gateway import PaymentRead
from portal.vendors.switches import Switches

WAIT = "wait"  # nothing was paid yet: no key
SERVE = "serve"  # make keys, move their end to the end of the paid period, lift blocks of ours
KEEP = "keep"  # keys stay as they are and end by themselves after the days of grace
SUSPEND = "suspend"  # as KEEP, and blocked once the days of grace are over
END = "end"  # blocked now
LOOK = "look"  # as KEEP, and staff should look

REFUNDED, DISPUTED = "refunded", "disputed"
MONEY_WENT_BACK = (REFUNDED, DISPUTED)


@dataclass(frozen=True)
class State:
    """What a status of a subscription means. because: the reason shown where a key gets blocked."""

    effect: str
    because: str = ""


SUBSCRIPTION_STATES = {
    "incomplete": State(WAIT),
    "incomplete_expired": State(WAIT),
    "trialing": State(SERVE),
    "active": State(SERVE),
    "past_due": State(KEEP),
    "unpaid": State(SUSPEND, "unpaid"),
    "paused": State(KEEP),
    "canceled": State(END, "ended"),
}
PAYMENT_STATES = {
    "unpaid": State(WAIT),
    "paid": State(SERVE),
    "no_payment_required": State(SERVE),
}
INVOICE_STATES = {
    "draft": State(WAIT),
    "open": State(WAIT),
    "uncollectible": State(WAIT),
    "void": State(WAIT),
    "paid": State(SERVE),
}
OVER = ("canceled", "incomplete_expired")  # a subscription that will never run again
NEVER_PAID = ("incomplete_expired", "expired", "void")  # what waits for money in vain
UNKNOWN = State(LOOK)


def of_subscription(status: str) -> State:
    """The meaning of a subscription's status."""
    return SUBSCRIPTION_STATES.get(status, UNKNOWN)


def of_payment(payment_status: str) -> State:
    """The meaning of a checkout's payment status."""
    return PAYMENT_STATES.get(payment_status, UNKNOWN)


def of_invoice(status: str) -> State:
    """The meaning of the status of an invoice that belongs to no subscription."""
    return INVOICE_STATES.get(status, UNKNOWN)


def after_the_money(state: State, payments: Sequence[PaymentRead], switches: Switches) -> State:
    """The meaning once refunds and disputes of the last payment are known, under the vendor's policies.

    A partial refund changes nothing; a lost dispute counts as a full refund.
    """
    if state.effect in (END, WAIT):
        return state
    if switches.dispute_policy == "suspend" and any(payment.dispute == "open" for payment in payments):
        return State(END, DISPUTED)
    paid = sum(payment.amount for payment in payments)
    lost = sum(payment.amount if payment.dispute == "lost" else payment.refunded for payment in payments)
    if switches.refund_policy == "block" and 0 < paid <= lost:
        return State(END, REFUNDED)
    return state
