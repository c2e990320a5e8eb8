"""What was bought and what became of the money: read from Stripe, nothing trusted from events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from portal.billing.gateway.calls import ask, pages
from portal.billing.gateway.catalog import NotInCatalog, retrieve_price
from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import Refused, translated
from portal.billing.gateway.invoices import with_all_lines
from portal.billing.gateway.money import BilledLine, PaymentRead, read_intent, read_invoice, read_payment
from portal.billing.gateway.objects import BoughtItem, PurchaseRead, read_purchase
from portal.billing.gateway.sessions import SessionRead, read_session
from portal.billing.gateway.values import mapping


class NoSuchPurchase(Refused):
    """Stripe does not know this object, in this mode and account."""


def retrieve_subscription(connection: Connection, stripe_id: str) -> PurchaseRead:
    """A subscription as it is now: items with prices and products, customer, latest invoice. Raises NoSuchPurchase."""
    params = {"expand": ["customer", "items.data.price.product", "latest_invoice"]}
    found = found_at(connection, "subscriptions", stripe_id, params)
    if mapping(found.get("items")).get("has_more"):
        more: Any = {"subscription": stripe_id, "expand": ["data.price.product"]}
        found["items"] = {"data": list(pages(connection.client().v1.subscription_items.list, more)), "has_more": False}
    if isinstance(found.get("latest_invoice"), dict):
        found["latest_invoice"] = with_all_lines(connection, found["latest_invoice"])
    return read_purchase(found)


def bought_by(connection: Connection, line: BilledLine) -> BoughtItem | None:
    """What a line of an invoice bills, as an item that may be gone; None where its price is not known any more."""
    try:
        price = retrieve_price(connection, line.price_id) if line.price_id else None
    except NotInCatalog:
        return None
    if price is None:
        return None
    return BoughtItem(
        id=line.item_id,
        price_id=price.id,
        product_id=price.product_id,
        price_metadata=price.metadata,
        product_metadata=price.product_metadata,
        quantity=1 if line.quantity is None or price.is_metered else max(0, line.quantity),
        period_end=line.end,
        has_quantity=line.quantity is not None,
    )


def list_payments(connection: Connection, invoice_id: str) -> list[PaymentRead]:
    """What paid an invoice, with what was given back of it."""
    params = {"invoice": invoice_id, "status": "paid", "expand": ["data.payment.payment_intent.latest_charge"]}
    with translated():
        found = ask(connection, "get", "/v1/invoice_payments", params)
    return [read_payment(connection, one) for one in found["data"]]


def purchases_paid_by(connection: Connection, payment_intent: str) -> list[str]:
    """What a payment paid: the subscriptions of its invoices, and the invoices that sell something once.

    The direct fields are gone since 2025-03-31.basil.
    """
    params = {
        "payment": {"type": "payment_intent", "payment_intent": payment_intent},
        "expand": ["data.invoice"],
    }
    with translated():
        found = connection.client().v1.invoice_payments.list(params)  # type: ignore[arg-type]
    invoices = [one.to_dict().get("invoice") for one in found.data]
    read = [read_invoice(one) for one in invoices if isinstance(one, dict)]
    paid = [name for one in read for name in (one.subscription_id, one.id if one.sells_once else "") if name]
    return list(dict.fromkeys(paid or [one.id for one in read]))


def retrieve_session(connection: Connection, stripe_id: str) -> tuple[SessionRead, list[PaymentRead]]:
    """A checkout as it is now, and what paid it if it was paid once. Raises NoSuchPurchase."""
    params = {"expand": ["customer", "line_items.data.price.product", "payment_intent.latest_charge"]}
    found = found_at(connection, "checkout/sessions", stripe_id, params)
    if mapping(found.get("line_items")).get("has_more"):
        more: Any = {"expand": ["data.price.product"]}
        sessions = connection.client().v1.checkout.sessions
        lines = pages(lambda page: sessions.line_items.list(stripe_id, page), more)
        found["line_items"] = {"data": list(lines), "has_more": False}
    session = read_session(found)
    return session, [read_intent(connection, session.payment)] if session.payment else []


def list_sessions(connection: Connection, **filters: str) -> list[SessionRead]:
    """The checkouts behind a subscription or a payment, newest first. filters: `subscription`, `payment_intent`
    or `customer`.
    """
    with translated():
        found = ask(connection, "get", "/v1/checkout/sessions", {"limit": 100, **filters})
    return [read_session(one) for one in found["data"]]


def write_metadata(connection: Connection, stripe_id: str, metadata: dict[str, str]) -> None:
    """Set keys of the metadata of a subscription or invoice; an empty text removes one. Raises NoSuchPurchase."""
    place = "invoices" if stripe_id.startswith("in_") else "subscriptions"
    found_at(connection, place, stripe_id, {"metadata": metadata}, method="post")


def list_subscription_ids(connection: Connection, **filters: Any) -> list[str]:
    """The ids of all subscriptions of the account, ended ones included, newest first."""
    return [one["id"] for one in pages(connection.client().v1.subscriptions.list, {"status": "all", **filters})]


def list_events(
    connection: Connection, since: int, until: int | None, types: list[str], *, undelivered: bool = False
) -> list[dict[str, Any]]:
    """What happened at Stripe from `since` to before `until`, newest first.

    since: unix seconds, at most 30 days ago. until: None for all there is, whatever our clock says. types: at most 20.
    undelivered: only what some endpoint has not taken.
    """
    created = {"gte": since} if until is None else {"gte": since, "lt": until}
    params: dict[str, Any] = {"created": created, "types": types}
    if undelivered:
        params["delivery_success"] = False
    return list(pages(connection.client().v1.events.list, params))


def found_at(
    connection: Connection, place: str, stripe_id: str, params: Mapping[str, Any], *, method: str = "get"
) -> dict[str, Any]:
    """One object, read or (`post`) changed. place: such as `checkout/sessions`. Raises NoSuchPurchase."""
    with translated():
        try:
            return ask(connection, method, f"/v1/{place}/{quote(stripe_id, safe='')}", params)
        except Exception as error:
            if getattr(error, "code", None) == "resource_missing":
                raise NoSuchPurchase("", code="resource_missing", param="id") from error
            raise
