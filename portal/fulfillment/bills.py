"""The bills of a subscription, and which were really paid: a credit pays only as far as it was paid for itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from portal.billing.gateway import BilledLine, InvoiceRead

PAID, VOID = "paid", "void"
DUE = ("draft", "open")  # Stripe's states of an invoice that is still to be paid
OWED = (*DUE, "uncollectible")  # written off, and still payable
UNPAID = (*OWED, VOID)


@dataclass(frozen=True)
class Bills:
    """All of them, newest first; `bills_of` makes it.

    hollow: the places of those that Stripe calls paid without money, over a credit for what was never paid for.
    """

    all: tuple[InvoiceRead, ...]
    hollow: frozenset[int]

    def paid_from(self, place: int) -> list[InvoiceRead]:
        """Those that were really paid, from this place on, newest first."""
        places = range(place, len(self.all))
        return [self.all[each] for each in places if self.is_paid(each)]

    def is_paid(self, place: int) -> bool:
        """Whether one was really paid."""
        return self.all[place].status == PAID and place not in self.hollow

    def gives_back_unpaid(self, place: int, item_id: str) -> bool:
        """Whether one credits time of an item that was never paid for."""
        return any(line.item_id == item_id for line in _unpaid_credits(self.all, place, self.hollow))

    def may_have_a_hollow_balance(self, place: int) -> bool:
        """Whether the customer's balance at Stripe may come from a credit for what was never paid for, at one place.

        Only an older hollow bill can have made it, and what nothing was left of is spent.
        """
        for older in range(place + 1, len(self.all)):
            if self.all[older].status != VOID and not self.all[older].leaves_balance:
                return False
            if older in self.hollow:
                return True
        return False


def bills_of(invoices: Iterable[InvoiceRead]) -> Bills:
    """Look through invoices, newest first, from the oldest on."""
    found, hollow = tuple(invoices), set[int]()
    for place in reversed(range(len(found))):
        is_free = found[place].status == PAID and found[place].amount_paid <= 0
        if is_free and _unpaid_credits(found, place, hollow):
            hollow.add(place)
    return Bills(found, frozenset(hollow))


def _unpaid_credits(bills: Sequence[InvoiceRead], place: int, hollow: Collection[int]) -> list[BilledLine]:
    """hollow: as far as the older ones are concerned."""
    credits = [line for line in bills[place].lines if line.gives_back]
    return [line for line in credits if not _was_paid_for(line, bills, place + 1, hollow)]


def _was_paid_for(credit: BilledLine, bills: Sequence[InvoiceRead], place: int, hollow: Collection[int]) -> bool:
    """By the newest bill for what is given back. What no bill shows counts as paid: nothing unknown takes anything."""
    for older in range(place, len(bills)):
        if any(_is_given_back(line, credit) for line in bills[older].lines):
            return bills[older].status not in UNPAID and older not in hollow
    return True


def _is_given_back(line: BilledLine, credit: BilledLine) -> bool:
    is_same = (line.item_id, line.price_id, line.quantity) == (credit.item_id, credit.price_id, credit.quantity)
    return is_same and not line.gives_back and line.start <= credit.start < line.end
