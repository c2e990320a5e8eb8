"""Items that were changed in place: a change whose bill is open does not count yet. Nothing unknown undoes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from portal.billing import gateway
from portal.fulfillment.paying import DUE, UNPAID, Bills

CHANGE = "subscription_update"  # why Stripe bills: somebody changed the subscription; a renewal is `subscription_cycle`


def standing(
    connection: gateway.Connection, items: Sequence[gateway.BoughtItem], bills: Bills | None
) -> list[gateway.BoughtItem]:
    """The items of a subscription as they were before every change that was billed and is not paid.

    What nothing was billed for counts at once, and so does a lower quantity. bills: of `paying.open_account`.
    """
    return [_before_what_is_open(connection, item, bills or ()) for item in items]


def _before_what_is_open(connection: gateway.Connection, item: gateway.BoughtItem, bills: Bills) -> gateway.BoughtItem:
    stands = _standing_line(item, bills) if item.has_quantity else None
    if stands is None or stands.quantity is None:
        return item
    if stands.price_id == item.price_id and stands.quantity >= item.quantity:
        return item
    return gateway.bought_by(connection, stands) or item


def _standing_line(item: gateway.BoughtItem, bills: Bills) -> gateway.BilledLine | None:
    """From the newest change back: the line that says what the item was before the oldest that is not paid.

    A change that was paid with money counts, whatever became of older ones; while one of these is still due, it counts
    for the units that it added.
    """
    now, stands, paid_more = (item.price_id, item.quantity), None, 0
    for position, bill in enumerate(bills):
        if bill.status == "paid" and _is_settled_by(bill, item.id):
            break
        billed, older = _line_of(bill, item.id, now), bills[position + 1 :]
        if billed is None or bill.reason != CHANGE or bill.status not in (*UNPAID, "paid"):
            continue
        before = _given_back(bill, billed) or _paid_before(older, billed)
        if before is None or before.quantity is None:
            continue
        if bill.status == "paid" and bill.amount_paid > 0:
            if before.price_id != billed.price_id or not _is_due(older, item.id):
                break
            paid_more += max(0, (billed.quantity or 0) - before.quantity)
        now = (before.price_id, before.quantity)
        stands = before if bill.status in UNPAID else stands
    return replace(stands, quantity=(stands.quantity or 0) + paid_more) if stands else None


def _is_due(older: Bills, item_id: str) -> bool:
    """Whether an older change of the item is still to be paid."""
    since = takewhile(lambda bill: not (bill.status == "paid" and _is_settled_by(bill, item_id)), older)
    mine = [bill for bill in since if any(line.item_id == item_id for line in bill.lines)]
    return any(bill.status in DUE and bill.reason == CHANGE for bill in mine)


def _is_settled_by(bill: gateway.InvoiceRead, item_id: str) -> bool:
    """Whether a paid bill is for a whole period of the item: what is older does not matter any more."""
    return not bill.has_all_lines or any(line.item_id == item_id for line in bill.whole_periods)


def _line_of(bill: gateway.InvoiceRead, item_id: str, now: tuple[str, int]) -> gateway.BilledLine | None:
    """The line that bills the item as it is now."""
    mine = [line for line in bill.lines if line.item_id == item_id and not line.gives_back]
    return next((line for line in mine if (line.price_id, line.quantity) == now), None)


def _given_back(bill: gateway.InvoiceRead, billed: gateway.BilledLine) -> gateway.BilledLine | None:
    """What the item was before the change: the same bill gives its unused time back."""
    back = [line for line in bill.lines if line.item_id == billed.item_id and line.gives_back]
    return max((line for line in back if line.start <= billed.start), key=lambda line: line.start, default=None)


def _paid_before(older: Bills, billed: gateway.BilledLine) -> gateway.BilledLine | None:
    """What the item was when money was paid for it, where a new rhythm begins and gives nothing back."""
    if billed.is_proration:
        return None
    paid = [bill for bill in older if bill.status == "paid" and bill.amount_paid > 0]
    lines = (line for bill in paid for line in bill.standing_lines if line.item_id == billed.item_id)
    last = next(lines, None)
    return last if last and last.price_id and last.price_id != billed.price_id else None
