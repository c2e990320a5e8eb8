"""Which events we ask Stripe for. The first group means: read this purchase again."""

from __future__ import annotations

PURCHASES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.finalization_failed",
    "invoice.marked_uncollectible",
    "invoice.voided",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
)
CUSTOMERS = ("customer.updated", "customer.deleted")
CATALOG = frozenset(
    (
        "product.created",
        "product.updated",
        "product.deleted",
        "price.created",
        "price.updated",
        "price.deleted",
    )
)

HANDLED = frozenset((*PURCHASES, *CUSTOMERS, *CATALOG))


def is_handled(kind: str) -> bool:
    """Whether a type asks something of us; others are acknowledged and done."""
    return kind in HANDLED
