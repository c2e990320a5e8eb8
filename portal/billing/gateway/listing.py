"""Everything there is at Stripe, in pages of a hundred, for the comparison with what we have."""

from __future__ import annotations

from collections.abc import Iterator

from portal.billing.gateway.calls import pages
from portal.billing.gateway.connection import Connection
from portal.billing.gateway.objects import PurchaseRead, read_purchase
from portal.billing.gateway.paging import page_of_invoices, page_of_sessions
from portal.billing.gateway.values import identifier


def list_purchases(connection: Connection) -> Iterator[PurchaseRead]:
    """All subscriptions with prices and latest invoice, ended ones included. Products and customers are not in it."""
    params = {"status": "all", "expand": ["data.items.data.price", "data.latest_invoice"]}
    return (read_purchase(one) for one in pages(connection.client().v1.subscriptions.list, params))


def list_sold_once(connection: Connection, since: int) -> list[str]:
    """Payments that happen once, made since then (unix seconds), newest first: checkouts and invoices that are paid.

    An invoice that a checkout wrote about itself is listed beside it.
    """
    found: list[str] = []
    for fetch in (page_of_sessions, page_of_invoices):
        page = fetch(connection, since, "")
        found += page.ids
        while page.after:
            page = fetch(connection, since, page.after)
            found += page.ids
    return found


def list_payments_given_back(connection: Connection, since: int) -> list[str]:
    """The payments (`pi_…`) that were refunded or disputed since then (unix seconds)."""
    params = {"created": {"gte": since}}
    found: dict[str, None] = {}
    for fetch in (connection.client().v1.refunds.list, connection.client().v1.disputes.list):
        found |= dict.fromkeys(identifier(one.get("payment_intent")) for one in pages(fetch, params))
    return [payment for payment in found if payment]
