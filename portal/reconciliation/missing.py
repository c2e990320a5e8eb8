"""What Stripe could not show us: purchases it no longer knows, look-ups that failed, and what cannot be read."""

from __future__ import annotations

from portal.fulfillment.models import Purchase
from portal.reconciliation.found import Found, license_subject
from portal.reconciliation.pairs import Held
from portal.webhooks.models import StripeEvent

ACCOUNT = "stripe"  # subject of a look-up that failed for the whole account


def key_without_subscription(stripe_id: str, held: Held) -> list[Found]:
    """We hold a key for a purchase that Stripe does not know. Not found alone never takes anything away."""
    return [
        Found(
            "key_without_subscription",
            license_subject(key.global_id),
            purchase=stripe_id,
            stripe={"subscription": stripe_id, "status": "not found"},
            ours={"key": key.shown, "expires_at": key.expires_at if key.is_limited else None},
            customer_id=key.customer_id,
            license_global_id=key.global_id,
            amount_minor=held.amount_minor,
            currency=held.currency,
        )
        for key in held.all_keys
        if not key.is_blocked and not key.is_paid_elsewhere
    ]


def lookup_failed(subject: str, reason: str) -> Found:
    """Stripe did not tell, or told what cannot be read; until it does, nothing is concluded from it."""
    return Found("lookup_failed", subject, purchase="" if subject == ACCOUNT else subject, stripe={"error": reason})


def parked_event(event: StripeEvent, purchase: Purchase | None) -> Found:
    """An event that was given up after the last try: the purchase behind it, if we know one, was not looked at."""
    return Found(
        "lookup_failed",
        event.subject or event.event_id,
        purchase=event.subject,
        stripe={"event": event.type, "event_id": event.event_id},
        ours={"error": event.last_error[:300]},
        since=event.received_at,
        customer_id=purchase.customer_id if purchase else None,
        amount_minor=purchase.amount_minor if purchase else None,
        currency=purchase.currency if purchase else "",
    )


def unreadable(purchase: Purchase) -> Found:
    """Stripe shows the purchase, and something about it that cannot be read; what its keys had, they keep."""
    return Found(
        "lookup_failed",
        purchase.stripe_id,
        purchase=purchase.stripe_id,
        stripe={"status": purchase.status, "unclear": purchase.notice},
        ours={"state": purchase.state},
        customer_id=purchase.customer_id,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
    )
