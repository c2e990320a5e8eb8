"""Checks of customers and subscriptions: addresses, duplicates, counterparts, and charged without a key."""

from __future__ import annotations

from datetime import timedelta

from portal.billing.links import TEMPORARY
from portal.stripe_doctor.facts import Facts, same_address
from portal.stripe_doctor.findings import BROKEN, WARNING, Finding

SOON = timedelta(minutes=5)  # a key may take so long to be made


def check(facts: Facts) -> list[Finding]:
    """All of them."""
    return [*_keyless(facts), *_gone(facts), *_differing(facts), *_duplicates(facts), *_without_email(facts)]


def _without_email(facts: Facts) -> list[Finding]:
    customers = facts.theirs.customers.found if facts.theirs.customers else ()
    known = {one.stripe_id: one for one in facts.ours.linked}
    missing = [one for one in customers if not one.email and not one.is_deleted]
    return [Finding("email_missing", "customers", WARNING, one.id, _whose(known.get(one.id))) for one in missing]


def _whose(linked: object) -> dict[str, object]:
    return {"customer_id": getattr(linked, "customer_id", None), "ours": getattr(linked, "email", "")}


def _duplicates(facts: Facts) -> list[Finding]:
    shared = same_address(facts.theirs.customers)
    known = {one.stripe_id: one.customer_id for one in facts.ours.linked}
    return [
        Finding(
            "email_duplicate",
            "customers",
            WARNING,
            same[0].id,
            {
                "email": same[0].email,
                "ids": [one.id for one in same],
                "linked": [one.id for one in same if one.id in known],
                "pick": facts.theirs.picks.get(email),
            },
        )
        for email, same in shared.items()
    ]


def _differing(facts: Facts) -> list[Finding]:
    found = []
    for one in facts.ours.linked:
        theirs = facts.theirs.emails.get(one.stripe_id)
        if theirs and one.email and theirs.lower() != one.email.lower():
            values = {"customer_id": one.customer_id, "ours": one.email, "theirs": theirs}
            found.append(Finding("email_differs", "customers", WARNING, one.stripe_id, values))
    return found


def _gone(facts: Facts) -> list[Finding]:
    known = {one.stripe_id: one.customer_id for one in facts.ours.linked}
    return [
        Finding("customer_gone", "customers", BROKEN, stripe_id, {"customer_id": known.get(stripe_id)})
        for stripe_id in facts.theirs.gone
    ]


def _keyless(facts: Facts) -> list[Finding]:
    """Subscriptions that say themselves that nobody made a key."""
    running = facts.theirs.subscriptions.found if facts.theirs.subscriptions else ()
    long_ago = facts.theirs.asked_at - SOON
    return [
        Finding("charged_without_key", "customers", BROKEN, one.id)
        for one in running
        if TEMPORARY in one.metadata
        and (one.created_at is None or one.created_at < long_ago)
        and one.id not in facts.ours.awaited
    ]
