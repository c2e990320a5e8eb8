"""Numbers of ours that stand at Stripe: of keys that do not exist, and of customers who do not own them."""

from __future__ import annotations

from portal.billing.links import number_in
from portal.reconciliation.found import Found
from portal.reconciliation.pairs import Pair

CUSTOMER = "skm_customer_id"


def dangling_key_id(pair: Pair) -> list[Found]:
    """The metadata of a running subscription names a key that does not exist. Nothing is taken away for that alone."""
    if not pair.is_running:
        return []
    dangling = {one.name: one.text for one in pair.held.named if one.key is None}
    if not dangling:
        return []
    key = next(iter(pair.held.keys), None)
    return [
        Found(
            "dangling_key_id",
            pair.facts.stripe_id,
            purchase=pair.facts.stripe_id,
            stripe={"status": pair.facts.status, **dangling},
            ours={"keys": len(pair.held.keys), "key": key.shown if key else None},
            since=pair.since,
            customer_id=pair.held.owner,
            license_global_id=key.global_id if key else None,
            amount_minor=pair.facts.amount_minor,
            currency=pair.facts.currency,
        )
    ]


def wrong_customer(pair: Pair) -> list[Found]:
    """The key belongs to another customer than the one that Stripe names: on the subscription, else on its customer."""
    named = _named_customer(pair)
    if not pair.is_running or named is None or named not in pair.held.customers:
        return []
    others = [key for key in pair.held.all_keys if key.customer_id not in (None, named)]
    if not others:
        return []
    return [
        Found(
            "wrong_customer",
            pair.facts.stripe_id,
            purchase=pair.facts.stripe_id,
            stripe={"status": pair.facts.status, CUSTOMER: str(named)},
            ours={"key": others[0].shown, "keys_of_others": len(others), "owner": others[0].customer_id},
            since=pair.since,
            customer_id=others[0].customer_id,
            license_global_id=others[0].global_id,
            amount_minor=pair.facts.amount_minor,
            currency=pair.facts.currency,
        )
    ]


def _named_customer(pair: Pair) -> int | None:
    metadata = pair.facts.metadata if CUSTOMER in pair.facts.metadata else pair.facts.customer_metadata
    return number_in(metadata, CUSTOMER)


def unknown_customer(pair: Pair) -> list[Found]:
    """A running subscription names a customer number that nobody has here."""
    text = pair.facts.metadata.get(CUSTOMER, "").strip()
    number = number_in(pair.facts.metadata, CUSTOMER)
    if not pair.is_running or not text or number in pair.held.customers:
        return []
    key = next(iter(pair.held.keys), None)
    return [
        Found(
            "unknown_customer",
            pair.facts.stripe_id,
            purchase=pair.facts.stripe_id,
            stripe={"status": pair.facts.status, CUSTOMER: text[:100], "email": pair.facts.email},
            ours={"owner": pair.held.customer_id, "key": key.shown if key else None},
            since=pair.since,
            customer_id=pair.held.customer_id,
            license_global_id=key.global_id if key else None,
            amount_minor=pair.facts.amount_minor,
            currency=pair.facts.currency,
        )
    ]
