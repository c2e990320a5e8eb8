"""What a vendor may choose about Stripe's customer portal, and Stripe's rules for it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask_babel import gettext as _

from portal.errors import Invalid

LONGEST_HEADLINE, LONGEST_URL, MOST_PRODUCTS = 60, 2048, 10
CANCEL_MODES = ("at_period_end", "immediately")
FEATURES = ("payment_method_update", "subscription_cancel", "invoice_history", "subscription_update", "customer_update")


@dataclass(frozen=True)
class Settings:
    """What customers may do at Stripe. features: names out of FEATURES. products: those customers may switch among."""

    features: frozenset[str]
    cancel_mode: str = "at_period_end"
    products: tuple[str, ...] = ()
    headline: str = ""
    privacy_policy_url: str = ""
    terms_of_service_url: str = ""
    login_page: bool = False


def check(wanted: Settings) -> None:
    """Stripe's rules, before Stripe is asked. Raises Invalid with the field."""
    if len(wanted.headline) > LONGEST_HEADLINE:
        raise Invalid(_("Please use at most %(most)s characters.", most=LONGEST_HEADLINE), field="headline")
    for name in ("privacy_policy_url", "terms_of_service_url"):
        if not _is_link(getattr(wanted, name)):
            raise Invalid(_("Type an address that starts with https://."), field=name)
    if wanted.cancel_mode not in CANCEL_MODES:
        raise Invalid(_("There is no such choice."), field="cancel_mode")
    if "subscription_update" in wanted.features and not wanted.products:
        raise Invalid(_("Choose at least one product that customers may switch to."), field="products")
    if len(wanted.products) > MOST_PRODUCTS:
        raise Invalid(_("Stripe offers at most %(most)s products there.", most=MOST_PRODUCTS), field="products")


def _is_link(url: str) -> bool:
    if not url:
        return True
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme == "https" and bool(host) and len(url) <= LONGEST_URL and url.isprintable() and " " not in url
