"""Checks of Stripe's customer portal: settings saved, features on, business links, login page."""

from __future__ import annotations

from portal.billing.gateway.configurations import ConfigurationRead
from portal.stripe_doctor import check_catalog
from portal.stripe_doctor.facts import Facts
from portal.stripe_doctor.findings import BROKEN, HINT, WARNING, Finding

FEATURES = {
    "payment_method_update": WARNING,
    "subscription_cancel": WARNING,
    "invoice_history": HINT,
    "subscription_update": HINT,
}


def check(facts: Facts) -> list[Finding]:
    """All of them; nothing where the configurations could not be read."""
    if facts.theirs.configurations is None:
        return []
    used = facts.configuration()
    if used is None:
        if facts.ours.configuration_id:
            return [Finding("portal_gone", "portal", BROKEN, facts.ours.configuration_id)]
        return [Finding("portal_unsaved", "portal", BROKEN)]
    return [*_features(used), *_offered(facts, used), *_business(used), *_login(facts, used)]


def _features(used: ConfigurationRead) -> list[Finding]:
    return [
        Finding("feature_off", "portal", severity, used.id, {"feature": name})
        for name, severity in FEATURES.items()
        if name not in used.features
    ]


def _offered(facts: Facts, used: ConfigurationRead) -> list[Finding]:
    """Plans that customers can buy but not switch to. Stripe offers at most ten products there."""
    if "subscription_update" not in used.features or used.offered is None:
        return []
    offered = {price for product in used.offered for price in product.price_ids}
    missing = [price.id for price in check_catalog.sold(facts) if price.interval and price.id not in offered]
    if not missing:
        return []
    return [Finding("plans_not_offered", "portal", HINT, used.id, {"count": len(missing), "ids": missing[:5]})]


def _business(used: ConfigurationRead) -> list[Finding]:
    missing = [
        name for name, url in (("privacy", used.privacy_policy_url), ("terms", used.terms_of_service_url)) if not url
    ]
    return [Finding("business_links", "portal", WARNING, used.id, {"missing": missing})] if missing else []


def _login(facts: Facts, used: ConfigurationRead) -> list[Finding]:
    links = [one.login_url for one in facts.theirs.configurations or () if one.login_url and one.is_active]
    if facts.ours.login_link and facts.ours.login_link not in links:
        return [Finding("login_link_dead", "portal", WARNING, used.id, {"url": facts.ours.login_link})]
    if not links:
        return [Finding("login_page_off", "portal", HINT, used.id)]
    if not facts.ours.login_link:
        return [Finding("login_link_unshared", "portal", HINT, used.id, {"url": used.login_url or links[0]})]
    return []
