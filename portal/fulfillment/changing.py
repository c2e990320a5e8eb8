"""Items that were changed in place: a change counts as far as it is paid. Nothing unknown undoes anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from portal.billing import gateway
from portal.billing.gateway import BilledLine
from portal.fulfillment.bills import PAID, UNPAID, VOID, Bills

# Why Stripe bills: somebody changed the subscription, or asked for a bill of what waits; a renewal is another reason.
CHANGE, ASKED_FOR = "subscription_update", "manual"
# Minor units: three amounts, each rounded at Stripe; and of a unit: prices of several minutes are compared.
ROUNDING, DRIFT = 1.5, 0.01


@dataclass(frozen=True)
class Change:
    """A change of an item that was billed, or several on one bill. Both lines have a quantity.

    price: what it cost beyond what was given back, in minor units; below zero for a credit. spent: what of that came
    from a balance that is worth nothing. is_over_others: no money paid it, but a credit for another item that was never
    paid for.
    """

    bill: gateway.InvoiceRead
    before: BilledLine
    after: BilledLine
    price: int
    spent: int
    is_over_others: bool


@dataclass(frozen=True)
class Standing:
    """What counts of an item after some changes.

    is_missing: whether something is not paid for yet; is_due: whether it may be, that is, was not voided.
    """

    line: BilledLine
    is_missing: bool = False
    is_due: bool = False


def standing(
    connection: gateway.Connection, items: Sequence[gateway.BoughtItem], bills: Bills | None
) -> list[gateway.BoughtItem]:
    """The items of a subscription as far as the changes are paid that were billed.

    What nothing was billed for counts at once, and so does a lower quantity. bills: of `paying.open_account`.
    """
    return [_as_far_as_paid(connection, item, bills) for item in items] if bills else list(items)


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
    """From what the item is now back to the last bill that settles it."""
    now: tuple[str, int | None] = (item.price_id, item.quantity)
    for place, bill in enumerate(bills.all):
        if _settles(bills, place, item.id):
            return
        mine = [line for line in bill.lines if line.item_id == item.id]
        billed = next((line for line in mine if not line.gives_back and (line.price_id, line.quantity) == now), None)
        if billed is None and bills.is_paid(place) and any(not line.gives_back for line in mine):
            return  # it was changed since then without a bill: older ones say nothing about it
        if billed is None or not _is_change(bill, billed):
            continue
        before = _given_back(mine, billed) or _paid_before(bills, place, billed)
        if before is None or before.quantity is None:
            continue
        price, spent = sum(line.amount for line in mine), _spent(bills, place)
        yield Change(bill, before, billed, price, spent, _is_over_others(bills, place, item.id))
        now = (before.price_id, before.quantity)


def _spent(bills: Bills, place: int) -> int:
    return bills.all[place].from_balance if bills.may_have_a_hollow_balance(place) else 0


def _after(change: Change, stands: Standing) -> Standing:
    """What counts after one more change."""
    bill, after, spent = change.bill, change.after, change.spent
    is_for_nothing = change.price > 0 and (change.price <= spent or change.is_over_others)
    if bill.status != PAID or is_for_nothing:
        return Standing(stands.line, True, stands.is_due or bill.status != VOID)
    # Who pays for a change after one that the vendor has given up on never gets a bill for that one again.
    is_given_up = not stands.is_due and change.price > 0 and not spent
    is_all_paid = not stands.is_missing and not spent
    units = _units_paid(change, stands.line)
    if is_all_paid or is_given_up or units >= _quantity(after):
        return Standing(after)
    is_more = units > 0 and units >= min(_quantity(stands.line), _quantity(after))
    line = _part_of(after, units) if is_more else stands.line
    return Standing(line, True, stands.is_due or spent > 0)


def _units_paid(change: Change, stands: BilledLine) -> int:
    """For how many units the money is enough, together with what is left of what was paid before."""
    after = change.after
    if after.amount <= 0:
        return _quantity(after)
    rest = (stands.end - after.start) / (stands.end - stands.start) if stands.end > stands.start else 0
    money = max(0, change.price - change.spent) + abs(stands.amount) * min(1.0, max(0.0, rest))
    each = after.amount / max(1, _quantity(after))
    return int((money + min(max(ROUNDING, DRIFT * each), each / 2)) / each)


def _part_of(line: BilledLine, units: int) -> BilledLine:
    return replace(line, quantity=units, amount=line.amount * units // max(1, _quantity(line)))


def _quantity(line: BilledLine) -> int:
    return line.quantity or 0


def _settles(bills: Bills, place: int, item_id: str) -> bool:
    """Whether a bill for a whole period of the item was paid in full: what is older does not matter any more."""
    bill = bills.all[place]
    return bill.status == PAID and bill.bills_a_period(item_id) and not bills.gives_back_unpaid(place, item_id)


def _is_over_others(bills: Bills, place: int, item_id: str) -> bool:
    others = {line.item_id for line in bills.all[place].lines} - {item_id}
    return place in bills.hollow and any(bills.gives_back_unpaid(place, other) for other in others)


def _is_change(bill: gateway.InvoiceRead, billed: BilledLine) -> bool:
    is_it = bill.reason == CHANGE or (bill.reason == ASKED_FOR and billed.is_proration)
    return is_it and bill.status in (*UNPAID, PAID)


def _given_back(mine: Sequence[BilledLine], billed: BilledLine) -> BilledLine | None:
    """What the item was before all changes on a bill: what is given back, and not billed there as a step between."""
    steps = {(line.price_id, line.quantity) for line in mine if not line.gives_back}
    back = [line for line in mine if line.gives_back and line.start <= billed.start]
    before = [line for line in back if (line.price_id, line.quantity) not in steps]
    return min(before or back, key=lambda line: line.start, default=None)


def _paid_before(bills: Bills, place: int, billed: BilledLine) -> BilledLine | None:
    """What the item was when it was paid for last, where a new rhythm begins and gives nothing back."""
    if billed.is_proration:
        return None
    lines = (line for bill in bills.paid_from(place + 1) for line in bill.standing_lines)
    last = next((line for line in lines if line.item_id == billed.item_id), None)
    return last if last and last.price_id and last.price_id != billed.price_id else None
