"""Items that were changed in place: a change whose bill is open does not count yet. Nothing unknown undoes anything."""

from __future__ import annotations

from collections.abc import Sequence

from portal.billing import gateway
from portal.fulfillment.paying import UNPAID, Bills

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
    """From the newest change back: the line that says what the item was before the oldest that is not paid."""
    now, stands = (item.price_id, item.quantity), None
    for position, bill in enumerate(bills):
        if bill.status == "paid" and _is_settled_by(bill, item.id):
            break
        is_owed = bill.status in UNPAID
        billed = _line_of(bill, item.id, now)
        if billed is None or bill.reason != CHANGE or not (is_owed or bill.status == "paid"):
            continue
        before = _given_back(bill, billed) or _paid_before(bills[position + 1 :], billed)
        if before is None or before.quantity is None:
            continue
        now = (before.price_id, before.quantity)
        stands = before if is_owed else stands
    return stands


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
