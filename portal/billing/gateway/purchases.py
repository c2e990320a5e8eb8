"""What was bought and what became of the money: read from Stripe, nothing trusted from events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import Refused, translated
from portal.billing.gateway.money import InvoiceRead, PaymentRead, read_intent, read_invoice, read_payment
from portal.billing.gateway.objects import PurchaseRead, SessionRead, read_purchase, read_session

LATEST = 24  # paid invoices looked through for the last paid period; two years of months


class NoSuchPurchase(Refused):
    """Stripe does not know this object, in this mode and account."""


def retrieve_subscription(connection: Connection, stripe_id: str) -> PurchaseRead:
    """A subscription as it is now: items with prices and products, customer, latest invoice. Raises NoSuchPurchase."""
    params = {"expand": ["customer", "items.data.price.product", "latest_invoice"]}
    return read_purchase(_found(lambda: connection.client().v1.subscriptions.retrieve(stripe_id, params)))  # type: ignore[arg-type]


def list_paid_invoices(connection: Connection, subscription_id: str) -> list[InvoiceRead]:
    """The paid invoices of a subscription, newest first."""
    params = {"subscription": subscription_id, "status": "paid", "limit": LATEST}
    with translated():
        found = connection.client().v1.invoices.list(params)  # type: ignore[arg-type]
    return [read_invoice(one.to_dict()) for one in found.data]


def list_payments(connection: Connection, invoice_id: str) -> list[PaymentRead]:
    """What paid an invoice, with what was given back of it."""
    params = {"invoice": invoice_id, "status": "paid", "expand": ["data.payment.payment_intent.latest_charge"]}
    with translated():
        found = connection.client().v1.invoice_payments.list(params)  # type: ignore[arg-type]
    return [read_payment(connection, one.to_dict()) for one in found.data]


def subscriptions_paid_by(connection: Connection, payment_intent: str) -> list[str]:
    """The subscriptions whose invoices a payment paid. The direct fields are gone since 2025-03-31.basil."""
    params = {
        "payment": {"type": "payment_intent", "payment_intent": payment_intent},
        "expand": ["data.invoice"],
    }
    with translated():
        found = connection.client().v1.invoice_payments.list(params)  # type: ignore[arg-type]
    invoices = [one.to_dict().get("invoice") for one in found.data]
    paid = [read_invoice(one).subscription_id for one in invoices if isinstance(one, dict)]
    return [subscription_id for subscription_id in dict.fromkeys(paid) if subscription_id]


def retrieve_session(connection: Connection, stripe_id: str) -> tuple[SessionRead, list[PaymentRead]]:
    """A checkout as it is now, and what paid it if it was paid once. Raises NoSuchPurchase."""
    params = {"expand": ["customer", "line_items.data.price.product", "payment_intent.latest_charge"]}
    sessions = connection.client().v1.checkout.sessions
    session = read_session(_found(lambda: sessions.retrieve(stripe_id, params)))  # type: ignore[arg-type]
    return session, [read_intent(connection, session.payment)] if session.payment else []


def list_sessions(connection: Connection, **filters: str) -> list[SessionRead]:
    """The checkouts behind a subscription or a payment, newest first. filters: `subscription` or `payment_intent`."""
    with translated():
        found = connection.client().v1.checkout.sessions.list(filters)  # type: ignore[arg-type]
    return [read_session(one.to_dict()) for one in found.data]


def write_metadata(connection: Connection, subscription_id: str, metadata: dict[str, str]) -> None:
    """Set keys of a subscription's metadata; an empty text removes a key. Raises NoSuchPurchase."""
    params = {"metadata": metadata}
    _found(lambda: connection.client().v1.subscriptions.update(subscription_id, params))  # type: ignore[arg-type]


def list_subscription_ids(connection: Connection, **filters: Any) -> list[str]:
    """The ids of all subscriptions of the account, ended ones included, newest first."""
    return [one["id"] for one in _all(connection.client().v1.subscriptions.list, {"status": "all", **filters})]


def list_events(connection: Connection, since: int, types: list[str]) -> list[dict[str, Any]]:
    """What happened at Stripe since then (unix seconds, at most 30 days ago), newest first. types: at most 20."""
    return _all(connection.client().v1.events.list, {"created": {"gte": since}, "types": types})


def _all(fetch: Callable[[Any], Any], params: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        with translated():
            page = fetch({**params, "limit": 100, **after})
        found += [one.to_dict() for one in page.data]
        if not page.has_more or not page.data:
            return found
        after = {"starting_after": page.data[-1].id}


def _found(call: Callable[[], Any]) -> dict[str, Any]:
    with translated():
        try:
            return dict(call().to_dict())
        except Exception as error:
            if getattr(error, "code", None) == "resource_missing":
                raise NoSuchPurchase("", code="resource_missing", param="id") from error
            raise
