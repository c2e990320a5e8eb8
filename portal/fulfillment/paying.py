"""What was paid for a subscription, until when, and what became of the money. Nothing unknown takes anything away."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import takewhile

from portal.billing import gateway
from portal.fulfillment.bills import DUE, PAID, UNPAID, Bills, bills_of

FREE_WHILE_PAUSED = "mark_uncollectible"  # Stripe's documentation: "offer services for free"
Ends = dict[str, datetime | None]


def open_account(connection: gateway.Connection, found: gateway.PurchaseRead) -> Bills | None:
    """Its invoices in any state; None where all that is in the subscription is paid for, or is free."""
    invoice, status = found.latest_invoice, found.subscription.status
    if status == "trialing" or (status == "active" and (invoice is None or found.collects == FREE_WHILE_PAUSED)):
        return None
    is_paid = status == "active" and invoice is not None and invoice.status == PAID
    items = [item.id for item in found.items]
    if is_paid and invoice is not None and all(_settles(invoice, item) for item in items):
        return None
    bills = gateway.list_invoices(connection, found.subscription.id)
    gone = {line.item_id for bill in bills for line in bill.lines} - {*items}
    return None if is_paid and not any(_is_owed_for({item, *gone}, item, bills) for item in items) else bills_of(bills)


def _is_owed_for(concerned: Collection[str], item_id: str, bills: Sequence[gateway.InvoiceRead]) -> bool:
    """Whether something about an item was not paid since its last period that was: items may have their own rhythms.

    concerned: the item, and those that are gone: it may have taken the place of one.
    """
    newest = takewhile(lambda bill: not _settles(bill, item_id), bills)
    return any(bill.status in UNPAID and any(map(bill.names, concerned)) for bill in newest)


def _settles(bill: gateway.InvoiceRead, item_id: str) -> bool:
    """Whether a period of an item was paid in full, and not over a credit whose worth older bills would tell."""
    is_over_credit = any(line.gives_back for line in bill.lines)
    return bill.status == PAID and bill.bills_a_period(item_id) and not is_over_credit


def sold_beside(found: gateway.PurchaseRead, bills: Bills | None) -> tuple[str, ...]:
    """The invoices among these that may sell something else, once."""
    seen = [*(bills.all if bills else ()), *([found.latest_invoice] if found.latest_invoice else [])]
    return tuple(dict.fromkeys(bill.id for bill in seen if bill.status == PAID and bill.sells_once))


def paid_until(found: gateway.PurchaseRead, bills: Bills | None) -> tuple[gateway.InvoiceRead | None, Ends]:
    """The last paid invoice, and until when each item is paid; items that were never paid for are left out.

    bills: of `open_account`.
    """
    if bills is None:
        invoice, is_free = found.latest_invoice, found.collects == FREE_WHILE_PAUSED
        is_open = found.subscription.status == "trialing" and invoice is not None and invoice.status != PAID
        return (None if is_open and not is_free else invoice), {item.id: item.period_end for item in found.items}
    paid = [bill for bill in bills.all if bill.status == PAID]
    ends: Ends = {}
    for item, end in _paid_ends(bills):
        ends[item] = max(end, ends.get(item) or end)
    unbilled = [item for item in found.items if item.id not in ends and _is_unbilled(item.id, found, bills)]
    last = next((bill for bill in paid if bill.periods), paid[0] if paid else None)  # others may be for something else
    return last, ends | (_ends_beside(unbilled, found, ends) if ends else {})


def _ends_beside(unbilled: Sequence[gateway.BoughtItem], found: gateway.PurchaseRead, ends: Ends) -> Ends:
    """How far items are paid that no bill names: as far as the others in their period, or as what is gone was.

    They may have taken the place of what is gone, and nobody has given that time back.
    """
    last = max(filter(None, ends.values()))
    gone = [end for item, end in ends.items() if end and item not in {item.id for item in found.items}]
    return {item.id: max([min(last, item.period_end or last), *gone]) for item in unbilled}


def _is_unbilled(item_id: str, found: gateway.PurchaseRead, bills: Bills) -> bool:
    """Whether no bill names an item: what was added without one counts at once, and is paid as far as the rest."""
    return found.subscription.status == "active" and not any(bill.names(item_id) for bill in bills.all)


def _paid_ends(bills: Bills) -> Iterator[tuple[str, datetime]]:
    """By item, the ends that were paid for.

    A bill over a credit for what was never paid for pays for nothing. A change within a period that is not paid itself
    pays for nothing beyond what is. Where nothing is, money counts. A bill that gives nothing back was paid in full.
    """
    paid = bills.paid_from(0)
    reach = max((line.end for bill in paid for line in bill.whole_periods), default=None)
    for bill in paid:
        # Who paid money for a change in a period that the vendor has given up on gets the rest of it.
        states = DUE if bill.amount_paid > 0 else UNPAID
        owed = [line for other in bills.all if other.status in states for line in other.whole_periods]
        nets = any(line.gives_back for line in bill.lines)
        for line in bill.lines:
            is_owed = nets and line.is_proration and any(each.start <= line.start < each.end for each in owed)
            if not line.gives_back:
                yield line.item_id, min(line.end, reach) if is_owed and reach else line.end


def left_behind(
    connection: gateway.Connection, found: gateway.PurchaseRead, bills: Bills | None, ends: Ends
) -> list[gateway.BoughtItem]:
    """What was paid for last, where all of it was replaced by items whose payment is open."""
    if not ends or any(item.id in ends for item in found.items):
        return []
    for bill in bills.paid_from(0) if bills else ():
        if bill.standing_lines:
            return [item for line in bill.standing_lines if (item := gateway.bought_by(connection, line))]
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
