"""Stripe's objects as frozen dataclasses of ours; old and new shapes are read in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.billing.gateway.money import InvoiceRead, read_invoice
from portal.billing.gateway.values import identifier as _id
from portal.billing.gateway.values import mapping, whole
from portal.billing.gateway.values import metadata as _metadata
from portal.billing.gateway.values import moment as _time

Document = dict[str, Any]


@dataclass(frozen=True)
class CustomerRead:
    """A customer at Stripe. is_deleted: it was deleted for good."""

    id: str
    email: str
    livemode: bool | None
    metadata: dict[str, str]
    is_deleted: bool = False
    name: str = ""


@dataclass(frozen=True)
class ProductRead:
    """A product at Stripe."""

    id: str
    name: str
    metadata: dict[str, str]


@dataclass(frozen=True)
class ItemRead:
    """One item of a subscription. amount_minor: of one unit and period; None where Stripe computes it (tiers)."""

    product_id: str
    amount_minor: int | None
    quantity: int


@dataclass(frozen=True)
class SubscriptionRead:
    """A subscription at Stripe. period_end: the latest of its items. ends_at: in both of Stripe's ways to cancel."""

    id: str
    customer_id: str
    status: str
    livemode: bool
    metadata: dict[str, str]
    items: tuple[ItemRead, ...]
    currency: str
    interval: str
    interval_count: int
    period_end: datetime | None
    trial_end: datetime | None
    cancel_at: datetime | None
    ended_at: datetime | None
    started_at: datetime | None
    created_at: datetime | None

    @property
    def amount_minor(self) -> int | None:
        """What one period costs, all items; None where an item has no fixed price."""
        amounts = [None if item.amount_minor is None else item.amount_minor * item.quantity for item in self.items]
        return None if None in amounts else sum(amount for amount in amounts if amount is not None)

    @property
    def quantity(self) -> int:
        """Units over all items."""
        return sum(item.quantity for item in self.items)


@dataclass(frozen=True)
class BoughtItem:
    """One item of a purchase. period_end: of the running period; None where Stripe does not say.

    has_quantity: Stripe said how many, or sells by use; otherwise one is assumed.
    """

    id: str
    price_id: str
    product_id: str
    price_metadata: dict[str, str]
    product_metadata: dict[str, str]
    quantity: int
    period_end: datetime | None
    has_quantity: bool = True


@dataclass(frozen=True)
class PurchaseRead:
    """A subscription with all that decides about its keys. collects: what happens while its collection is paused."""

    subscription: SubscriptionRead
    items: tuple[BoughtItem, ...]
    latest_invoice: InvoiceRead | None
    customer: CustomerRead | None
    products: dict[str, ProductRead] = field(default_factory=dict)
    collects: str = ""
    has_all_items: bool = True


def read_customer(found: Document) -> CustomerRead:
    """A customer, or what is left of a deleted one."""
    return CustomerRead(
        id=found["id"],
        email=found.get("email") or "",
        livemode=found.get("livemode"),
        metadata=_metadata(found),
        is_deleted=bool(found.get("deleted")),
        name=str(found.get("name") or ""),
    )


def read_product(found: Document) -> ProductRead:
    """A product."""
    return ProductRead(found["id"], found.get("name") or "", _metadata(found))


def read_subscription(found: Document) -> SubscriptionRead:
    """A subscription in the shape of any API version since 2020."""
    items = (found.get("items") or {}).get("data") or []
    prices = [item.get("price") or {} for item in items]
    recurring: Document = next((price["recurring"] for price in prices if price.get("recurring")), {})
    period_end = _period_end(found, items)
    return SubscriptionRead(
        id=found["id"],
        customer_id=_id(found.get("customer")),
        status=found.get("status") or "",
        livemode=bool(found.get("livemode")),
        metadata=_metadata(found),
        items=tuple(_item(item) for item in items),
        currency=found.get("currency") or next((price["currency"] for price in prices if price.get("currency")), ""),
        interval=recurring.get("interval") or "",
        interval_count=recurring.get("interval_count") or 1,
        period_end=period_end,
        trial_end=_time(found.get("trial_end")),
        cancel_at=_cancel_at(found, period_end),
        ended_at=_time(found.get("ended_at")),
        started_at=_time(found.get("start_date")),
        created_at=_time(found.get("created")),
    )


def read_purchase(found: Document) -> PurchaseRead:
    """A subscription that was asked for with items, products, customer and latest invoice."""
    listed = mapping(found.get("items"))
    invoice, customer = found.get("latest_invoice"), found.get("customer")
    return PurchaseRead(
        subscription=read_subscription(found),
        items=tuple(read_item(item, found) for item in listed.get("data") or []),
        latest_invoice=read_invoice(invoice) if isinstance(invoice, dict) else None,
        customer=read_customer(customer) if isinstance(customer, dict) else None,
        products={product.id: product for product in map(_product_of, listed.get("data") or []) if product.id},
        collects=str(mapping(found.get("pause_collection")).get("behavior") or ""),
        has_all_items=not listed.get("has_more"),
    )


def _product_of(item: Document) -> ProductRead:
    product = mapping(mapping(item.get("price")).get("product"))
    return ProductRead(_id(product), str(product.get("name") or ""), _metadata(product))


def read_item(item: Document, subscription: Document) -> BoughtItem:
    """An item of a subscription, or a line of a checkout (which has no subscription: give an empty object)."""
    price = mapping(item.get("price"))
    is_metered = mapping(price.get("recurring")).get("usage_type") == "metered"
    quantity = whole(item.get("quantity"))
    return BoughtItem(
        id=_id(item),
        price_id=_id(price),
        product_id=_id(price.get("product")),
        price_metadata=_metadata(price),
        product_metadata=_metadata(mapping(price.get("product"))),
        quantity=1 if quantity is None else max(0, quantity),
        period_end=_time(item.get("current_period_end")) or _time(subscription.get("current_period_end")),
        has_quantity=quantity is not None or is_metered,
    )


def _item(item: Document) -> ItemRead:
    price = item.get("price") or {}
    return ItemRead(_id(price.get("product")), price.get("unit_amount"), item.get("quantity") or 1)


def _period_end(found: Document, items: list[Document]) -> datetime | None:
    # Since 2025-03-31.basil the period stands on the items; before, on the subscription.
    ends = [item["current_period_end"] for item in items if item.get("current_period_end")]
    return _time(max(ends) if ends else found.get("current_period_end"))


def _cancel_at(found: Document, period_end: datetime | None) -> datetime | None:
    # Flexible billing (default since 2025-09-30.clover) sets only `cancel_at`, classic billing only the flag.
    if found.get("cancel_at"):
        return _time(found["cancel_at"])
    return period_end if found.get("cancel_at_period_end") else None
