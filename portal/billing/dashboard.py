"""Addresses in Stripe's dashboard, in the right account and mode."""

from __future__ import annotations

from urllib.parse import quote

from portal import crypto

DASHBOARD = "https://dashboard.stripe.com"
PLACES = {
    "cus_": "customers",
    "in_": "invoices",
    "pi_": "payments",
    "price_": "prices",
    "prod_": "products",
    "sub_": "subscriptions",
}


def page(path: str, *, account_id: str, livemode: bool) -> str:
    """A page of the dashboard; the start page of a stand-in that plays Stripe."""
    stand_in = crypto.settings().stripe_api_base
    if stand_in:
        return f"{stand_in}/"
    account = f"/{account_id}" if account_id else ""
    return f"{DASHBOARD}{account}{'' if livemode else '/test'}/{path}"


def page_of(stripe_id: str, *, account_id: str, livemode: bool) -> str:
    """The page about an object; its search where it has none, as a checkout."""
    place = next((place for prefix, place in PLACES.items() if stripe_id.startswith(prefix)), "")
    shown = quote(stripe_id, safe="")
    return page(f"{place}/{shown}" if place else f"search?query={shown}", account_id=account_id, livemode=livemode)
