"""Invoices that belong to no subscription, such as those sent from the dashboard: what they sell and who pays them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.billing.gateway.calls import pages
from portal.billing.gateway.connection import Connection
from portal.billing.gateway.invoices import with_all_lines
from portal.billing.gateway.money import read_invoice, sells_once
from portal.billing.gateway.objects import BoughtItem, CustomerRead, read_customer
from portal.billing.gateway.purchases import NoSuchPurchase, found_at, list_sessions
from portal.billing.gateway.sessions import SessionRead
from portal.billing.gateway.values import identifier, mapping, metadata, moment, whole


@dataclass(frozen=True)
class OneOffRead:
    """An invoice. subscription_id: empty unless it bills one; `items` are then what it sells beside the subscription.

    paid_at: when it was paid, else when it was written. carried: whose the subscription is, as the invoice carries it
    along; nothing else of its metadata.
    """

    id: str
    status: str
    livemode: bool
    subscription_id: str
    customer_id: str
    customer: CustomerRead | None
    email: str
    metadata: dict[str, str]
    items: tuple[BoughtItem, ...]
    amount_paid: int
    currency: str
    paid_at: datetime | None
    carried: dict[str, str] = field(default_factory=dict)
    name: str = ""


def retrieve_invoice(connection: Connection, stripe_id: str) -> OneOffRead:
    """An invoice as it is now, with the prices and products of what it sells. Raises NoSuchPurchase."""
    params: Any = {"expand": ["customer"]}
    found = with_all_lines(connection, found_at(connection, "invoices", stripe_id, params))
    read, customer = read_invoice(found), found.get("customer")
    return OneOffRead(
        id=read.id,
        status=read.status,
        livemode=bool(found.get("livemode")),
        subscription_id=read.subscription_id,
        customer_id=identifier(customer),
        customer=read_customer(customer) if isinstance(customer, dict) else None,
        email=str(found.get("customer_email") or mapping(customer).get("email") or ""),
        metadata=metadata(found),
        items=tuple(_items(connection, found)) if read.sells_once or not read.subscription_id else (),
        amount_paid=read.amount_paid,
        currency=read.currency,
        paid_at=moment(mapping(found.get("status_transitions")).get("paid_at")) or moment(found.get("created")),
        carried=_whose(found),
        name=str(found.get("customer_name") or mapping(customer).get("name") or ""),
    )


def session_of_invoice(connection: Connection, invoice: OneOffRead) -> SessionRead | None:
    """The checkout that wrote an invoice about itself, if one did."""
    params: Any = {"invoice": invoice.id}
    for payment in pages(connection.client().v1.invoice_payments.list, params):
        intent = identifier(mapping(payment.get("payment")).get("payment_intent"))
        for session in list_sessions(connection, payment_intent=intent) if intent else []:
            return session
    if invoice.amount_paid or not invoice.customer_id:
        return None
    theirs = list_sessions(connection, customer=invoice.customer_id)  # nothing was paid: there is no payment to follow
    return next((session for session in theirs if session.invoice_id == invoice.id), None)


def _whose(found: Mapping[str, Any]) -> dict[str, str]:
    newer = mapping(mapping(found.get("parent")).get("subscription_details"))
    carried = metadata(newer or mapping(found.get("subscription_details")))
    return {name: carried[name] for name in ("skm_customer_id", "latchkey_instance") if name in carried}


def _items(connection: Connection, invoice: Mapping[str, Any]) -> Iterator[BoughtItem]:
    """What the lines sell that are a sale by themselves.

    A price for a period is none, nor is a fee: a price without a plan of its own, of a product that is billed there by
    the period as well.
    """
    lines = [mapping(line) for line in mapping(invoice.get("lines")).get("data") or []]
    sold = [line for line in lines if sells_once(line)]
    by_period = {_product_of(line) for line in lines if not sells_once(line)} - {""}
    prices = {_price_of(line): _price(connection, line) for line in sold}
    for line in sold:
        price = prices[_price_of(line)]
        is_fee = identifier(price.get("product")) in by_period and "skm" not in metadata(price)
        if not price.get("recurring") and not is_fee:
            yield _item(line, price)


def _product_of(line: Mapping[str, Any]) -> str:
    newer = identifier(mapping(mapping(line.get("pricing")).get("price_details")).get("product"))
    return newer or identifier(mapping(line.get("price")).get("product"))


def _price_of(line: Mapping[str, Any]) -> str:
    """The price of a line: below `pricing` since 2025-03-31.basil, before on the line itself."""
    newer = identifier(mapping(mapping(line.get("pricing")).get("price_details")).get("price"))
    return newer or identifier(line.get("price"))


def _price(connection: Connection, line: Mapping[str, Any]) -> Mapping[str, Any]:
    price_id = _price_of(line)
    if not price_id:
        return {}
    params: Any = {"expand": ["product"]}
    try:
        return found_at(connection, "prices", price_id, params)
    except NoSuchPurchase:  # gone from the catalog; what was paid for it is still to be told
        return {"product": _product_of(line)}


def _item(line: Mapping[str, Any], price: Mapping[str, Any]) -> BoughtItem:
    product, quantity = mapping(price.get("product")), whole(line.get("quantity"))
    return BoughtItem(
        id=identifier(line),
        price_id=_price_of(line),
        product_id=identifier(price.get("product")),
        price_metadata=metadata(price),
        product_metadata=metadata(product),
        quantity=1 if quantity is None else max(0, quantity),
        period_end=None,
        has_quantity=quantity is not None,
    )
