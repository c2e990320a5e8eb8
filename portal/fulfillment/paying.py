"""What was paid for a subscription, until when, and what became of the money. Nothing unknown takes anything away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from portal.billing import gateway

FREE_WHILE_PAUSED = "mark_uncollectible"  # Stripe's documentation: "offer services for free"
Ends = dict[str, datetime | None]


def paid_until(connection: gateway.Connection, found: gateway.PurchaseRead) -> tuple[gateway.InvoiceRead | None, Ends]:
    """The last paid invoice, and until when each item is paid; items that were never paid for are left out."""
    invoice, status = found.latest_invoice, found.subscription.status
    is_free = found.collects == FREE_WHILE_PAUSED
    if status in ("active", "trialing") and (invoice is None or invoice.status == "paid" or is_free):
        return invoice, {item.id: item.period_end for item in found.items}
    if status == "trialing":
        return None, {item.id: item.period_end for item in found.items}
    invoices = gateway.list_paid_invoices(connection, found.subscription.id)
    ends: Ends = {}
    for paid in invoices:
        for item, end in paid.periods.items():
            ends[item] = max(end, ends.get(item) or end)
    if ends and not all(paid.has_all_lines for paid in invoices):
        # A long invoice shows only its first lines: what is missing was paid with the rest.
        ends |= {item.id: max(filter(None, ends.values())) for item in found.items if item.id not in ends}
    return (invoices[0] if invoices else None), ends


def left_behind(connection: gateway.Connection, found: gateway.PurchaseRead, ends: Ends) -> list[gateway.BoughtItem]:
    """What was paid for last, where all of it was replaced by items whose payment is open."""
    if not ends or any(item.id in ends for item in found.items):
        return []
    for invoice in gateway.list_paid_invoices(connection, found.subscription.id):
        if invoice.standing_lines:
            return [item for line in invoice.standing_lines if (item := gateway.bought_by(connection, line))]
    return []


def payments_of_period(
    connection: gateway.Connection, subscription_id: str, invoice: gateway.InvoiceRead | None
) -> Sequence[gateway.PaymentRead]:
    """What paid for the period of the last paid invoice.

    Often that invoice alone; where it was given back or over nothing, the others of the same period count too: a
    refunded upgrade in the middle of a month does not undo the month, nor a bill over nothing the refund of the month.
    """
    if invoice is None:
        return ()
    payments = list(payments_of(connection, invoice.id, invoice.amount_paid))
    stands = any(not payment.refunded and payment.dispute != "lost" for payment in payments)
    if (invoice.amount_paid > 0 and (stands or not payments)) or not invoice.periods:
        return payments
    end = max(invoice.periods.values())
    for other in gateway.list_paid_invoices(connection, subscription_id):
        if other.id != invoice.id and other.periods and max(other.periods.values()) >= end:
            payments += payments_of(connection, other.id, other.amount_paid)
    return payments


def payments_of(connection: gateway.Connection, invoice_id: str, amount_paid: int) -> Sequence[gateway.PaymentRead]:
    """What paid an invoice, out of band included; nothing where the key may not ask: not knowing takes nothing away."""
    if amount_paid <= 0:
        return ()
    try:
        payments = gateway.list_payments(connection, invoice_id)
    except (gateway.KeyRefused, gateway.Refused):
        return ()
    otherwise = amount_paid - sum(payment.amount for payment in payments)
    return [*payments, gateway.PaymentRead(otherwise, 0, "")] if otherwise > 0 else payments
