"""The invoices of a subscription, with all of their lines."""

from __future__ import annotations

from typing import Any

from portal.billing.gateway.calls import pages
from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import translated
from portal.billing.gateway.money import InvoiceRead, read_invoice
from portal.billing.gateway.values import mapping

LATEST = 24  # paid invoices looked through for the last paid period; two years of months


def list_paid_invoices(connection: Connection, subscription_id: str) -> list[InvoiceRead]:
    """The paid invoices of a subscription, newest first."""
    return _list(connection, {"subscription": subscription_id, "status": "paid", "limit": LATEST})


def list_invoices(connection: Connection, subscription_id: str) -> list[InvoiceRead]:
    """The invoices of a subscription in any state, newest first."""
    return _list(connection, {"subscription": subscription_id, "limit": 2 * LATEST})


def with_all_lines(connection: Connection, invoice: dict[str, Any]) -> dict[str, Any]:
    """An invoice with more than the ten lines that Stripe shows at first, which are the changes before the periods."""
    if not mapping(invoice.get("lines")).get("has_more"):
        return invoice
    lines = pages(lambda page: connection.client().v1.invoices.line_items.list(invoice["id"], page), {})
    return invoice | {"lines": {"data": list(lines), "has_more": False}}


def _list(connection: Connection, params: dict[str, Any]) -> list[InvoiceRead]:
    with translated():
        found = connection.client().v1.invoices.list(params)  # type: ignore[arg-type]
    return [read_invoice(with_all_lines(connection, one.to_dict())) for one in found.data]
