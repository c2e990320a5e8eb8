"""Credits on bills: time that is given back pays for something else only as far as it was paid for itself."""

from __future__ import annotations

from collections.abc import Sequence

from portal.billing.gateway import BilledLine, InvoiceRead

DUE = ("draft", "open")  # Stripe's states of an invoice that is still to be paid
OWED = (*DUE, "uncollectible")  # written off, and still payable
UNPAID = (*OWED, "void")
Bills = Sequence[InvoiceRead]  # newest first


def is_hollow(bill: InvoiceRead, older: Bills) -> bool:
    """Whether a bill counts as paid at Stripe without money, over a credit for what was never paid for."""
    return bill.status == "paid" and bill.amount_paid <= 0 and any(_unpaid_credits(bill, older))


def gives_back_unpaid(bill: InvoiceRead, item_id: str, older: Bills) -> bool:
    """Whether a bill credits time of an item that was never paid for."""
    return any(line.item_id == item_id for line in _unpaid_credits(bill, older))


def _unpaid_credits(bill: InvoiceRead, older: Bills) -> list[BilledLine]:
    return [line for line in bill.lines if line.gives_back and not _was_paid_for(line, older)]


def _was_paid_for(credit: BilledLine, older: Bills) -> bool:
    """By the newest bill for what is given back. What no bill shows counts as paid: nothing unknown takes anything."""
    for position, bill in enumerate(older):
        if any(_is_given_back(line, credit) for line in bill.lines):
            return bill.status not in UNPAID and not is_hollow(bill, older[position + 1 :])
    return True


def _is_given_back(line: BilledLine, credit: BilledLine) -> bool:
    is_same = (line.item_id, line.price_id, line.quantity) == (credit.item_id, credit.price_id, credit.quantity)
    return is_same and not line.gives_back and line.start <= credit.start < line.end
