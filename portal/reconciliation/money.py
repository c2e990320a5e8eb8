"""Money without a key: paid and nothing made, the marker that says so, and payments nobody is known for."""

from __future__ import annotations

from portal.billing.links import TEMPORARY
from portal.fulfillment.models import Purchase
from portal.reconciliation.found import Found
from portal.reconciliation.pairs import Pair


def charged_without_key(pair: Pair) -> list[Found]:
    """Something is paid at Stripe, and there is no key for any of it.

    A payment that we know and cannot place is an unclaimed payment instead. Fewer keys than paid for is a quantity.
    """
    facts, held = pair.facts, pair.held
    is_due = pair.is_running and facts.is_paid and not held.lost_its_money
    if not is_due or held.keys_of_owner or held.state == "unclaimed":
        return []
    if held.state and not any(one.keys and one.is_paid for one in pair.expected):
        return []
    return [
        Found(
            "charged_without_key",
            facts.stripe_id,
            purchase=facts.stripe_id,
            stripe={"status": facts.status, "paid": True, "stripe_customer": facts.stripe_customer_id},
            ours={"keys": 0, "trouble": pair.trouble, "state": held.state or "never seen"},
            since=pair.since,
            customer_id=held.owner,
            amount_minor=facts.amount_minor,
            currency=facts.currency,
        )
    ]


def temp_var_set(pair: Pair) -> list[Found]:
    """The subscription carries `skm_temp_var`, which says that no key was made, although it was charged.

    While a bank is waited for nothing is charged and no key is due, so the marker is right.
    """
    facts = pair.facts
    if TEMPORARY not in facts.metadata or not (pair.is_running or pair.has_ended):
        return []
    if pair.is_running and not facts.is_paid and not pair.held.keys:
        return []
    key = next(iter(pair.held.keys), None)
    return [
        Found(
            "temp_var_set",
            facts.stripe_id,
            purchase=facts.stripe_id,
            stripe={"status": facts.status, TEMPORARY: "set"},
            ours={"keys": len(pair.held.keys), "key": key.shown if key else None},
            since=pair.since,
            customer_id=pair.held.owner,
            license_global_id=key.global_id if key else None,
            amount_minor=facts.amount_minor,
            currency=facts.currency,
        )
    ]


def unclaimed_payment(purchase: Purchase) -> Found:
    """Paid, and we read it, but whose it is or for which product is not known."""
    return Found(
        "unclaimed_payment",
        purchase.stripe_id,
        purchase=purchase.stripe_id,
        stripe={"status": purchase.status, "email": purchase.email, "stripe_customer": purchase.stripe_customer_id},
        ours={"trouble": purchase.reason},
        since=purchase.first_seen_at,
        customer_id=purchase.customer_id,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
    )
