"""Keys for another time or another number than was paid for."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from portal.reconciliation.found import Found, license_subject
from portal.reconciliation.pairs import Key, Pair

SECONDS = timedelta(seconds=60)
NOT_DUE = ("quantity", "staff")
LONGER = timedelta(days=7)  # an end moved by hand, or the days of grace made fewer, is no news


def period_differs(pair: Pair) -> list[Found]:
    """The key ends before what was paid and the days of grace, or more than a week after it."""
    if not pair.is_served:
        return []
    keys = pair.held.keys or ((pair.held.linked,) if pair.held.linked else ())
    return [found for key in keys if (found := _of_period(pair, key)) is not None]


def _of_period(pair: Pair, key: Key) -> Found | None:
    expected = pair.expected_of(key)
    if expected is None or expected.paid_until is None or not key.is_limited or key.blocked_because:
        return None
    wanted = expected.paid_until + pair.grace
    is_longer = key.expires_at > wanted + LONGER and not key.is_paid_elsewhere
    if not is_longer and key.expires_at >= wanted - SECONDS:
        return None
    return _period_found(pair, key, expected.paid_until, wanted)


def _period_found(pair: Pair, key: Key, paid_until: datetime, wanted: datetime) -> Found:
    return Found(
        "period_differs",
        license_subject(key.global_id),
        purchase=pair.facts.stripe_id,
        stripe={"status": pair.facts.status, "paid_until": paid_until},
        ours={"key": key.shown, "expires_at": key.expires_at, "should_end": wanted},
        since=min(wanted, key.expires_at, pair.at),
        customer_id=key.customer_id,
        license_global_id=key.global_id,
        amount_minor=pair.facts.amount_minor,
        currency=pair.facts.currency,
    )


def quantity_differs(pair: Pair) -> list[Found]:
    """There are fewer or more keys (or machines on the key) than the quantity at Stripe pays for; at least one key."""
    facts, keys = pair.facts, pair.held.keys
    if not pair.is_served or not keys or not facts.has_all_lines:
        return []
    paid = Counter[int]()
    for one in pair.expected:
        paid[one.product_id] += one.keys if one.is_paid else 0
    held = Counter(key.product_id for key in keys if key.blocked_because not in NOT_DUE)
    wanted_machines = [_machines(pair, key) for key in keys]
    is_right = all(paid[product] == held[product] for product in {*paid, *held})
    if is_right and all(wanted in (None, key.machines) for wanted, key in zip(wanted_machines, keys, strict=True)):
        return []
    return [
        Found(
            "quantity_differs",
            facts.stripe_id,
            purchase=facts.stripe_id,
            stripe={"status": facts.status, "keys": paid.total(), "machines": _first(wanted_machines)},
            ours={
                "keys": held.total(),
                "machines": keys[0].machines if _first(wanted_machines) is not None else None,
                "key": keys[0].shown,
            },
            since=pair.since,
            customer_id=keys[0].customer_id,
            license_global_id=keys[0].global_id,
            amount_minor=facts.amount_minor,
            currency=facts.currency,
        )
    ]


def _machines(pair: Pair, key: Key) -> int | None:
    expected = pair.expected_of(key)
    return expected.machines if expected and not key.blocked_because else None


def _first(numbers: list[int | None]) -> int | None:
    return next((number for number in numbers if number is not None), None)
