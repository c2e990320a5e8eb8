"""The configuration of Stripe's customer portal: made and changed from here, always in place.

Used is our own configuration, else the account's default one; where there is neither, one is made.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from flask_babel import gettext as _

from portal import clock
from portal.audit import service as audit
from portal.billing import plans
from portal.billing.gateway import configurations, samples
from portal.billing.gateway.configurations import ConfigurationRead
from portal.billing.gateway.prices import PriceRead
from portal.billing.models import StripeAccount
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.stripe_doctor import repairs
from portal.stripe_doctor.facts import Facts, Theirs
from portal.stripe_doctor.portal_settings import CANCEL_MODES, FEATURES, MOST_PRODUCTS, Settings, check
from portal.stripe_doctor.reading import MOST_PRICES, Patient
from portal.vendors import service as vendors

PERMISSION = "Customer portal"
MAY_CHANGE = ("address", "name", "phone", "tax_id")
STRIPES_NAMES = {
    "headline": "headline",
    "privacy_policy_url": "privacy_policy_url",
    "terms_of_service_url": "terms_of_service_url",
    "subscription_update": "subscription_update",
    "subscription_cancel": "subscription_cancel",
    "customer_update": "customer_update",
    "payment_method_update": "payment_method_update",
    "login_page": "login_page",
}


@dataclass(frozen=True)
class Offer:
    """A product with the prices of ours that customers could switch among: one per rhythm, Stripe takes no more."""

    product_id: str
    name: str
    price_ids: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """What is configured now, and what could be offered. used: None before the first configuration."""

    used: ConfigurationRead | None
    offers: tuple[Offer, ...]
    patient: Patient = field(repr=False)

    def choices(self) -> tuple[Offer, ...]:
        """What may be offered: our plans, and whatever else is offered now."""
        known = {offer.product_id for offer in self.offers}
        others = [one for one in (self.used.offered or () if self.used else ()) if one.product_id not in known]
        return (*self.offers, *(Offer(one.product_id, one.product_id, one.price_ids) for one in others))

    def settings(self) -> Settings:
        """As it is now; before the first configuration, what we suggest."""
        everything = tuple(offer.product_id for offer in self.offers)[:MOST_PRODUCTS]
        if self.used is None:
            return Settings(features=frozenset(FEATURES[:3]), products=everything)
        offered = tuple(one.product_id for one in self.used.offered or ())
        return Settings(
            features=self.used.features & frozenset(FEATURES),
            cancel_mode=self.used.cancel_mode or CANCEL_MODES[0],
            products=offered or everything,
            headline=self.used.headline,
            privacy_policy_url=self.used.privacy_policy_url,
            terms_of_service_url=self.used.terms_of_service_url,
            login_page=bool(self.used.login_url),
        )


def standing(vendor_id: int) -> Standing:
    """Ask Stripe, with no transaction open. Raises Conflict without a key, and the gateway's errors."""
    patient = repairs.patient(vendor_id)
    listed = tuple(configurations.list_configurations(patient.connection))
    used = Facts(patient.ours, Theirs(clock.now(), configurations=listed)).configuration()
    used = used or next((one for one in listed if one.is_default and one.is_active), None)
    prices = samples.prices(patient.connection, MOST_PRICES).found
    return Standing(used, _offers(patient, prices, used), patient)


def configure(now: Standing, wanted: Settings, untouched: frozenset[str] = frozenset()) -> str:
    """Change the configuration, or make the first one; commit afterwards. Raises Invalid with a field, Conflict.

    untouched: features that Stripe is told nothing about, so that they stay as the vendor had them.
    """
    check(wanted)
    params = _params(now, wanted, untouched)
    vendor_id, way = now.patient.ours.vendor_id, now.patient.connection
    with repairs.writing(PERMISSION, STRIPES_NAMES):
        if now.used is not None:
            used = configurations.update_configuration(way, now.used.id, params)
        else:
            digest = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()[:32]
            hour = clock.unix() // 3600
            used = configurations.create_configuration(way, params, f"latchkey:portal:{vendor_id}:{digest}:{hour}")
    _use(vendor_id, "" if used.is_default else used.id)
    after = {"configuration": used.id, "features": " ".join(sorted(used.features)), "login_page": bool(used.login_url)}
    audit.record(vendor_id, "stripe.portal", f"stripe:{used.id}"[:100], after=after)
    return used.id


def switch_on(vendor_id: int, name: str) -> str:
    """Turn one feature or the login page on, with the rest as it is; commit afterwards. Raises as `configure` does.

    name: out of FEATURES, `login_page`, or `suggested` for a first configuration.
    """
    if name not in (*FEATURES, "login_page", "suggested"):
        raise Invalid(_("There is no such choice."))
    now = standing(vendor_id)
    settings = now.settings()
    untouched = settings.features if now.used else frozenset()
    features = settings.features | ({name} & set(FEATURES))
    login_page = settings.login_page or name == "login_page"
    return configure(now, replace(settings, features=features, login_page=login_page), untouched)


def share_login(vendor_id: int) -> str:
    """Take the login page's address as the vendor's portal login link; commit afterwards. Raises Conflict."""
    now = standing(vendor_id)
    if now.used is None or not now.used.login_url:
        raise Conflict(_("The login page is off."))
    before, after = vendors.set_switch(vendors.get(vendor_id), "portal_login_link", now.used.login_url)
    name = "portal_login_link"
    audit.record(vendor_id, "vendor.set", f"vendor:{vendor_id}", before={name: before}, after={name: after})
    return str(after)


def _offers(patient: Patient, prices: tuple[PriceRead, ...], used: ConfigurationRead | None) -> tuple[Offer, ...]:
    """What could be offered: prices that are offered now come first, sold here or not, then the newest."""
    now = {price for one in (used.offered or () if used else ()) for price in one.price_ids}
    ours = patient.ours.limits
    found = [one for one in prices if one.interval and (one.id in now or not plans.problem_of(one, ours))]
    rhythms: dict[str, dict[tuple[str, int], str]] = defaultdict(dict)
    names: dict[str, str] = {}
    for price in sorted(found, key=lambda one: one.id not in now):
        names.setdefault(price.product_id, price.name)
        rhythms[price.product_id].setdefault((price.interval, price.interval_count), price.id)
    return tuple(Offer(product_id, names[product_id], tuple(rhythms[product_id].values())) for product_id in names)


def _params(now: Standing, wanted: Settings, untouched: frozenset[str]) -> dict[str, Any]:
    features: dict[str, Any] = {name: {"enabled": name in wanted.features} for name in FEATURES}
    if "subscription_cancel" in wanted.features:
        features["subscription_cancel"]["mode"] = wanted.cancel_mode
    if "customer_update" in wanted.features:
        before = now.used.updates if now.used else ()
        features["customer_update"]["allowed_updates"] = list(dict.fromkeys((*before, *MAY_CHANGE)))
    if "subscription_update" in wanted.features:
        features["subscription_update"] |= _plan_changes(now, wanted.products)
    told = {name: feature for name, feature in features.items() if name not in untouched}
    return {
        **({"features": told} if told else {}),
        "business_profile": {
            "headline": wanted.headline,
            "privacy_policy_url": wanted.privacy_policy_url,
            "terms_of_service_url": wanted.terms_of_service_url,
        },
        "login_page": {"enabled": wanted.login_page},
    }


def _plan_changes(now: Standing, products: tuple[str, ...]) -> dict[str, Any]:
    """What customers may change of a plan, and to which: Stripe replaces both, so what the vendor had is sent again."""
    allowed = now.used.plan_updates if now.used else ()
    quantities = {one.product_id: one.quantity for one in (now.used.offered or () if now.used else ())}
    prices = {offer.product_id: offer.price_ids for offer in now.choices()}
    chosen: list[dict[str, Any]] = []
    for product_id in (one for one in products if one in prices):
        quantity = quantities.get(product_id)
        adjustable = {"adjustable_quantity": quantity.params()} if quantity else {}
        chosen.append({"product": product_id, "prices": list(prices[product_id]), **adjustable})
    return {"default_allowed_updates": list(allowed or ("price",)), "products": chosen}


def _use(vendor_id: int, configuration_id: str) -> None:
    account = db.session.get(StripeAccount, vendor_id)
    if account is not None:
        account.configuration_id = configuration_id
