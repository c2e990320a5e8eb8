"""Items that were changed in place: a change counts as far as it is paid. Nothing unknown undoes anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from portal.billing import gateway
from portal.billing.gateway import BilledLine
from portal.fulfillment import crediting
from portal.fulfillment.crediting import OWED, UNPAID, Bills

CHANGE = "subscription_update"  # why Stripe bills: somebody changed the subscription; a renewal is `subscription_cycle`
ROUNDING = 1.5  # minor units: three amounts, each rounded at Stripe


@dataclass(frozen=True)
class Change:
    """A change of an item that was billed. Both lines have a quantity."""

    bill: gateway.InvoiceRead
    before: BilledLine
    after: BilledLine

    @property
    def price(self) -> int:
        """What it cost beyond what was given back, in minor units; below zero for a credit."""
        return self.after.amount + (self.before.amount if self.before.gives_back else 0)


@dataclass(frozen=True)
class Standing:
    """What counts of an item after some changes. missing: the states of the bills of those that do not.

    is_owed: whether a bill is still to be paid, so that credits may be over nothing.
    """

    line: BilledLine
    missing: tuple[str, ...] = ()
    is_owed: bool = False


def standing(
    connection: gateway.Connection, items: Sequence[gateway.BoughtItem], bills: Bills | None
) -> list[gateway.BoughtItem]:
    """The items of a subscription as far as the changes are paid that were billed.

    What nothing was billed for counts at once, and so does a lower quantity. bills: of `paying.open_account`.
    """
    return [_as_far_as_paid(connection, item, bills or ()) for item in items]


def _as_far_as_paid(connection: gateway.Connection, item: gateway.BoughtItem, bills: Bills) -> gateway.BoughtItem:
    stands = standing_line(item, bills) if item.has_quantity else None
    if stands is None or stands.quantity is None:
        return item
    if stands.price_id == item.price_id and stands.quantity >= item.quantity:
        return item
    return gateway.bought_by(connection, stands) or item


def standing_line(item: gateway.BoughtItem, bills: Bills) -> BilledLine | None:
    """What counts of an item; None where all of it does."""
    changes = list(_changes(item, bills))
    if not changes:
        return None
    stands = Standing(changes[-1].before)
    for change in reversed(changes):
        stands = _after(change, stands)
    return None if stands.line is changes[0].after else stands.line


def _changes(item: gateway.BoughtItem, bills: Bills) -> Iterator[Change]:
    """From what the item is now back to the last bill for a whole period that was paid."""
    now: tuple[str, int | None] = (item.price_id, item.quantity)
    for position, bill in enumerate(bills):
        older = bills[position + 1 :]
        if _is_settled_by(bill, item.id, older):
            return
        billed = _line_of(bill, item.id, now)
        if billed is None or bill.reason != CHANGE or bill.status not in (*UNPAID, "paid"):
            continue
        before = _given_back(bill, billed) or _paid_before(older, billed)
        if before is None or before.quantity is None:
            continue
        yield Change(bill, before, billed)
        now = (before.price_id, before.quantity)


def _after(change: Change, stands: Standing) -> Standing:
    """What counts after one more change."""
    bill, after = change.bill, change.after
    is_from_balance = change.price > 0 and bill.amount_paid <= 0
    if bill.status != "paid" or (stands.is_owed and is_from_balance):
        missing = (*stands.missing, bill.status)
        return Standing(stands.line, missing, stands.is_owed or bill.status in OWED)
    # Who pays for a change after one that the vendor has given up on never gets a bill for that one again.
    is_given_up = set(stands.missing) <= {"void"} and change.price > 0
    units = _units_paid(change, stands.line)
    if not stands.missing or is_given_up or units >= _quantity(after):
        return Standing(after, (), stands.is_owed)
    if stands.line.price_id == after.price_id:
        units = max(units, min(_quantity(stands.line), _quantity(after)))
    line = _part_of(after, units) if units else stands.line
    return Standing(line, stands.missing, stands.is_owed)


def _units_paid(change: Change, stands: BilledLine) -> int:
    """For how many units the money is enough, together with what is left of what was paid before."""
    after = change.after
    if after.amount <= 0:
        return _quantity(after)
    rest = (stands.end - after.start) / (stands.end - stands.start) if stands.end > stands.start else 0
    money = max(0, change.price) + abs(stands.amount) * min(1.0, max(0.0, rest))
    each = after.amount / max(1, _quantity(after))
    return int((money + min(ROUNDING, each / 2)) / each)


def _part_of(line: BilledLine, units: int) -> BilledLine:
    return replace(line, quantity=units, amount=line.amount * units // max(1, _quantity(line)))


def _quantity(line: BilledLine) -> int:
    return line.quantity or 0


def _is_settled_by(bill: gateway.InvoiceRead, item_id: str, older: Bills) -> bool:
    """Whether a bill for a whole period of the item was paid in full: what is older does not matter any more."""
    is_whole = not bill.has_all_lines or any(line.item_id == item_id for line in bill.whole_periods)
    return bill.status == "paid" and is_whole and not crediting.gives_back_unpaid(bill, item_id, older)


def _line_of(bill: gateway.InvoiceRead, item_id: str, now: tuple[str, int | None]) -> BilledLine | None:
    """The line that bills the item as it is now."""
    mine = [line for line in bill.lines if line.item_id == item_id and not line.gives_back]
    return next((line for line in mine if (line.price_id, line.quantity) == now), None)


def _given_back(bill: gateway.InvoiceRead, billed: BilledLine) -> BilledLine | None:
    """What the item was before the change: the same bill gives its unused time back."""
    back = [line for line in bill.lines if line.item_id == billed.item_id and line.gives_back]
    return max((line for line in back if line.start <= billed.start), key=lambda line: line.start, default=None)


def _paid_before(older: Bills, billed: BilledLine) -> BilledLine | None:
    """What the item was when it was paid for last, where a new rhythm begins and gives nothing back."""
    if billed.is_proration:
        return None
    places = [place for place, bill in enumerate(older) if bill.status == "paid"]
    paid = (older[place] for place in places if not crediting.is_hollow(older[place], older[place + 1 :]))
    lines = (line for bill in paid for line in bill.standing_lines if line.item_id == billed.item_id)
    last = next(lines, None)
    return last if last and last.price_id and last.price_id != billed.price_id else None
