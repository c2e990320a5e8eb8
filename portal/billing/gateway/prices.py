"""What a vendor sells at Stripe: active prices, each with its product."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from portal.billing.gateway.calls import pages
from portal.billing.gateway.connection import Connection
from portal.billing.gateway.values import identifier, mapping, metadata, whole


@dataclass(frozen=True)
class PriceRead:
    """A price and what it is for.

    amount_minor: of one unit; None where it is not one whole number of minor units (tiers, free choice, parts of a
    cent). interval: empty for a payment that happens once. is_metered: billed by use, not by quantity. trial_days: the
    price's own, in the older field of Stripe's dashboard. is_active: neither price nor product is archived.
    """

    id: str
    livemode: bool
    is_active: bool
    product_id: str
    name: str
    nickname: str
    description: str
    unit_label: str
    amount_minor: int | None
    currency: str
    interval: str
    interval_count: int
    is_metered: bool
    trial_days: int
    metadata: dict[str, str] = field(default_factory=dict)
    product_metadata: dict[str, str] = field(default_factory=dict)


def list_active_prices(connection: Connection) -> list[PriceRead]:
    """All prices that are not archived, newest first; those of archived products are among them."""
    params = {"active": True, "expand": ["data.product"]}
    return [read_price(found) for found in pages(connection.client().v1.prices.list, params)]


def read_price(found: dict[str, Any]) -> PriceRead:
    """A price whose product was asked for with it."""
    product, recurring = mapping(found.get("product")), mapping(found.get("recurring"))
    is_plain = found.get("billing_scheme") != "tiered" and not found.get("custom_unit_amount")
    return PriceRead(
        id=found["id"],
        livemode=bool(found.get("livemode")),
        is_active=bool(found.get("active")) and bool(product.get("active", True)) and not product.get("deleted"),
        product_id=identifier(found.get("product")),
        name=str(product.get("name") or ""),
        nickname=str(found.get("nickname") or ""),
        description=str(product.get("description") or ""),
        unit_label=str(product.get("unit_label") or ""),
        amount_minor=whole(found.get("unit_amount")) if is_plain else None,
        currency=str(found.get("currency") or ""),
        interval=str(recurring.get("interval") or ""),
        interval_count=whole(recurring.get("interval_count")) or 1,
        is_metered=recurring.get("usage_type") == "metered",
        trial_days=whole(recurring.get("trial_period_days")) or 0,
        metadata=metadata(found),
        product_metadata=metadata(product),
    )
