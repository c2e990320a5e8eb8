"""Stripe's own set-up guide for the customer portal, as steps that check themselves."""

from __future__ import annotations

from portal.stripe_doctor import check_catalog, check_webhooks
from portal.stripe_doctor.facts import Facts
from portal.stripe_doctor.findings import BROKEN, HINT, Finding

STEPS = ("key", "product", "portal", "features", "login", "branding", "webhooks", "emails", "duplicates")
DONE, OPEN, LOOK, UNKNOWN = "done", "open", "look", "unknown"


def steps(facts: Facts, found: list[Finding]) -> dict[str, str]:
    """State by step: done, open, look (only a person can tell) or unknown (could not be read)."""
    codes = {one.code for one in found}
    blocking = {one.group for one in found if one.severity == BROKEN}
    health = check_webhooks.health_in(facts)
    theirs = facts.theirs
    features = {one.values["feature"] for one in found if one.code == "feature_off" and one.severity != HINT}
    return {
        "key": _state(True, "key" not in blocking),
        "product": _state(theirs.products is not None and theirs.prices is not None, bool(check_catalog.sold(facts))),
        "portal": _state(theirs.configurations is not None, facts.configuration() is not None),
        "features": _state(
            theirs.configurations is not None,
            facts.configuration() is not None and not features and "business_links" not in codes,
        ),
        "login": _state(theirs.configurations is not None, not codes & LOGIN and facts.configuration() is not None),
        "branding": LOOK,
        "webhooks": _state(health is not None, "webhooks" not in blocking and health is not None and health.is_ok),
        "emails": _state(theirs.customers is not None, "email_missing" not in codes),
        "duplicates": _state(theirs.customers is not None, "email_duplicate" not in codes),
    }


LOGIN = {"login_page_off", "login_link_unshared", "login_link_dead"}


def _state(is_known: bool, is_done: bool) -> str:
    if not is_known:
        return UNKNOWN
    return DONE if is_done else OPEN
