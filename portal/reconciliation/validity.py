"""Keys that work although they should not, and keys that do not although they should."""

from __future__ import annotations

from portal.reconciliation.found import Found, license_subject
from portal.reconciliation.pairs import Key, Pair


def ended_but_valid(pair: Pair) -> list[Found]:
    """Stripe says that the purchase is over, or its money went back, and its key still works.

    A key that another purchase pays is not meant, nor one that has expired by itself, nor somebody else's that is only
    named: numbers from the days of another system, or a slip.
    """
    if not pair.has_ended:
        return []
    open_ones = [key for key in pair.held.keys_of_owner if key.is_valid(pair.at) and not key.is_paid_elsewhere]
    return [_found("ended_but_valid", pair, key) for key in open_ones]


def paid_but_blocked(pair: Pair) -> list[Found]:
    """Stripe says that it is paid, and the license is blocked: by us, or by staff (then only staff unblock it)."""
    if not pair.is_served:
        return []
    return [
        _found("paid_but_blocked", pair, key) for key in pair.held.all_keys if key.is_blocked and _is_due(pair, key)
    ]


def _is_due(pair: Pair, key: Key) -> bool:
    expected = pair.expected_of(key)
    return expected is not None and expected.is_paid and not expected.makes_blocked and key.ordinal < expected.keys


def _found(kind: str, pair: Pair, key: Key) -> Found:
    facts = pair.facts
    return Found(
        kind,
        license_subject(key.global_id),
        purchase=facts.stripe_id,
        stripe={"status": facts.status, "because": facts.because},
        ours={
            "key": key.shown,
            "expires_at": key.expires_at if key.is_limited else None,
            "blocked": key.is_blocked,
            "blocked_by": (key.blocked_because or "staff") if key.is_blocked else None,
        },
        since=(facts.purchase.subscription.ended_at if facts.purchase else None) or pair.since,
        customer_id=key.customer_id,
        license_global_id=key.global_id,
        amount_minor=facts.amount_minor,
        currency=facts.currency,
    )
