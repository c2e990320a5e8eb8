"""Configurations of the customer portal: what customers may do there. Branding stands elsewhere at Stripe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import translated
from portal.billing.gateway.values import identifier, mapping, whole

MOST = 100


@dataclass(frozen=True)
class Quantity:
    """How many of a product customers may choose. minimum and maximum: None where Stripe names none."""

    is_adjustable: bool = False
    minimum: int | None = None
    maximum: int | None = None

    def params(self) -> dict[str, Any]:
        """The same as Stripe takes it."""
        limits = {"minimum": self.minimum, "maximum": self.maximum}
        return {"enabled": self.is_adjustable} | {name: found for name, found in limits.items() if found is not None}


@dataclass(frozen=True)
class OfferedProduct:
    """A product customers may switch to, with its prices. quantity: None where Stripe does not say."""

    product_id: str
    price_ids: tuple[str, ...]
    quantity: Quantity | None = None


@dataclass(frozen=True)
class ConfigurationRead:
    """A configuration. features: names of those that are on. offered: None where Stripe does not say.

    updates: what customers may change about themselves. plan_updates: about a subscription (price, quantity,
    promotion_code).
    """

    id: str
    is_default: bool
    is_active: bool
    features: frozenset[str]
    cancel_mode: str = ""
    offered: tuple[OfferedProduct, ...] | None = None
    updates: tuple[str, ...] = ()
    plan_updates: tuple[str, ...] = ()
    headline: str = ""
    privacy_policy_url: str = ""
    terms_of_service_url: str = ""
    login_url: str = ""


def list_configurations(connection: Connection) -> list[ConfigurationRead]:
    """The account's configurations, newest first, at most a hundred."""
    params: Any = {"limit": MOST, "expand": ["data.features.subscription_update.products"]}
    with translated():
        found = connection.client().v1.billing_portal.configurations.list(params)
    return [read_configuration(one.to_dict()) for one in found.data]


def create_configuration(connection: Connection, params: dict[str, Any], idempotency_key: str) -> ConfigurationRead:
    """A further configuration. Raises Refused with the parameter that Stripe does not take."""
    with translated():
        made = connection.client().v1.billing_portal.configurations.create(params, {"idempotency_key": idempotency_key})  # type: ignore[arg-type]
    return read_configuration(made.to_dict())


def update_configuration(connection: Connection, configuration_id: str, params: dict[str, Any]) -> ConfigurationRead:
    """Change what is named. Raises Refused with the parameter that Stripe does not take."""
    with translated():
        found = connection.client().v1.billing_portal.configurations.update(configuration_id, params)  # type: ignore[arg-type]
    return read_configuration(found.to_dict())


def read_configuration(found: Mapping[str, Any]) -> ConfigurationRead:
    """A configuration out of Stripe's document."""
    features = mapping(found.get("features"))
    profile, login = mapping(found.get("business_profile")), mapping(found.get("login_page"))
    update = mapping(features.get("subscription_update"))
    return ConfigurationRead(
        id=identifier(found),
        is_default=bool(found.get("is_default")),
        is_active=bool(found.get("active")),
        features=frozenset(name for name, feature in features.items() if mapping(feature).get("enabled")),
        cancel_mode=str(mapping(features.get("subscription_cancel")).get("mode") or ""),
        offered=_offered(update.get("products")),
        updates=tuple(mapping(features.get("customer_update")).get("allowed_updates") or ()),
        plan_updates=tuple(update.get("default_allowed_updates") or ()),
        headline=str(profile.get("headline") or ""),
        privacy_policy_url=str(profile.get("privacy_policy_url") or ""),
        terms_of_service_url=str(profile.get("terms_of_service_url") or ""),
        login_url=str(login.get("url") or "") if login.get("enabled") else "",
    )


def _offered(products: Any) -> tuple[OfferedProduct, ...] | None:
    if not isinstance(products, list):
        return None
    return tuple(
        OfferedProduct(
            identifier(one.get("product")),
            tuple(identifier(price) for price in one.get("prices") or ()),
            _quantity(one.get("adjustable_quantity")),
        )
        for one in products
    )


def _quantity(found: Any) -> Quantity | None:
    if not isinstance(found, dict):
        return None
    return Quantity(bool(found.get("enabled")), whole(found.get("minimum")), whole(found.get("maximum")))
