"""Invoices and payments at Stripe as frozen dataclasses, in the shapes of any API version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import translated
from portal.billing.gateway.values import identifier, mapping, moment, whole

OPEN_DISPUTES = ("warning_needs_response", "warning_under_review", "needs_response", "under_review")


@dataclass(frozen=True)
class BilledLine:
    """A line of an invoice for a period of a subscription item. quantity: None where Stripe did not say.

    gives_back: a credit for time that was not used; it bills no period. is_proration: it follows from a change within a
    period that another line bills. amount: in minor units, before discounts; below zero for a credit.
    """

    item_id: str
    price_id: str
    quantity: int | None
    start: datetime
    end: datetime
    gives_back: bool = False
    is_proration: bool = False
    amount: int = 0


@dataclass(frozen=True)
class InvoiceRead:
    """An invoice. amount_paid: in minor units. lines: those for a period of a subscription item.

    sells_once: it may bill more than a subscription's periods. reason: Stripe's `billing_reason`. from_balance: what
    the customer's balance at Stripe paid of it. leaves_balance: whether some of that was left afterwards, as far as is
    known.
    """

    id: str
    status: str
    amount_paid: int
    currency: str
    subscription_id: str
    lines: tuple[BilledLine, ...]
    sells_once: bool = False
    reason: str = ""
    from_balance: int = 0
    leaves_balance: bool = True

    @property
    def whole_periods(self) -> Sequence[BilledLine]:
        """What bills a period from its beginning: neither a credit nor the rest of a period after a change."""
        return [line for line in self.lines if not (line.gives_back or line.is_proration)]

    def bills_a_period(self, item_id: str) -> bool:
        """Whether it bills a whole period of an item."""
        return any(line.item_id == item_id for line in self.whole_periods)

    def names(self, item_id: str) -> bool:
        """Whether it says anything about an item."""
        return any(line.item_id == item_id for line in self.lines)

    @property
    def periods(self) -> Mapping[str, datetime]:
        """By subscription item, the end of what is billed."""
        ends: dict[str, datetime] = {}
        for line in self.lines:
            if not line.gives_back:
                ends[line.item_id] = max(line.end, ends.get(line.item_id, line.end))
        return ends

    @property
    def standing_lines(self) -> Sequence[BilledLine]:
        """By subscription item what was billed last, unless the same invoice gives it back from a later day on."""
        in_order = sorted(self.lines, key=lambda line: (line.end, line.start))
        last = {line.item_id: line for line in in_order if not line.gives_back}
        back = {line.item_id: line for line in in_order if line.gives_back}
        return [line for item, line in last.items() if item not in back or back[item].start <= line.start]


@dataclass(frozen=True)
class PaymentRead:
    """What paid an invoice. dispute: open, lost, won, or empty."""

    amount: int
    refunded: int
    dispute: str


def read_invoice(found: Mapping[str, Any]) -> InvoiceRead:
    """An invoice in the shape of any API version since 2020."""
    details = mapping(mapping(found.get("parent")).get("subscription_details"))
    lines, has_more = mapping(found.get("lines")).get("data") or [], bool(mapping(found.get("lines")).get("has_more"))
    return InvoiceRead(
        id=identifier(found),
        status=str(found.get("status") or ""),
        amount_paid=whole(found.get("amount_paid")) or 0,
        currency=str(found.get("currency") or ""),
        subscription_id=identifier(details.get("subscription")) or identifier(found.get("subscription")),
        lines=tuple(_free_time_given_back(_with_all_tiers(_lines(lines)))),
        sells_once=has_more or any(sells_once(mapping(line)) for line in lines),
        reason=str(found.get("billing_reason") or ""),
        from_balance=_from_balance(found),
        leaves_balance=whole(found.get("ending_balance")) != 0,
    )


def _from_balance(found: Mapping[str, Any]) -> int:
    """A balance is below zero while Stripe owes the customer."""
    before, afterwards = whole(found.get("starting_balance")), whole(found.get("ending_balance"))
    return max(0, (afterwards or 0) - (before or 0)) if afterwards is not None else 0


def sells_once(line: Mapping[str, Any]) -> bool:
    """Whether a line is a sale by itself: no credit, and no bill for the time of a subscription or a part of it."""
    parent = mapping(line.get("parent"))
    details = mapping(parent.get("invoice_item_details"))
    is_of_item = bool(mapping(parent.get("subscription_item_details")) or line.get("subscription_item"))
    was_of_one = bool(line.get("subscription")) and line.get("type") != "invoiceitem"  # before 2025-03-31.basil
    is_part = bool(details.get("proration") or line.get("proration"))
    return not (is_of_item or was_of_one or is_part or _gives_back(line))


def _lines(lines: list[Any]) -> Iterator[BilledLine]:
    for line in map(mapping, lines):
        details = mapping(mapping(line.get("parent")).get("subscription_item_details"))
        item = identifier(details.get("subscription_item")) or identifier(line.get("subscription_item"))
        priced = mapping(mapping(line.get("pricing")).get("price_details"))
        price = identifier(priced.get("price")) or identifier(line.get("price"))
        start, end = (moment(mapping(line.get("period")).get(name)) for name in ("start", "end"))
        if item and end:
            is_proration = bool(details.get("proration") or line.get("proration"))
            gives_back, quantity = _gives_back(line), whole(line.get("quantity"))
            amount = whole(line.get("amount")) or 0
            yield BilledLine(item, price, quantity, start or end, end, gives_back, is_proration, amount)


def _with_all_tiers(lines: Iterable[BilledLine]) -> list[BilledLine]:
    """A price with tiers has a line for each tier of a period, and for its flat fee: together they bill the item."""
    found: dict[tuple[Any, ...], BilledLine] = {}
    for number, line in enumerate(lines):
        is_part = line.gives_back or line.is_proration
        place = (line.item_id, line.price_id, line.start, line.end, number if is_part else None)
        same = found.get(place)
        found[place] = _together(same, line) if same else line
    return list(found.values())


def _together(one: BilledLine, other: BilledLine) -> BilledLine:
    is_known = one.quantity is not None and other.quantity is not None
    quantity = (one.quantity or 0) + (other.quantity or 0) if is_known else None
    return replace(one, quantity=quantity, amount=one.amount + other.amount)


def _free_time_given_back(lines: Sequence[BilledLine]) -> Iterator[BilledLine]:
    """A credit for a free plan is over 0: the line that stands beside one that costs something, for the same time."""
    costs = {(line.item_id, line.start) for line in lines if line.amount > 0}
    for line in lines:
        is_free_time = line.is_proration and line.amount == 0 and (line.item_id, line.start) in costs
        yield replace(line, gives_back=True) if is_free_time else line


def _gives_back(line: Mapping[str, Any]) -> bool:
    amount = line.get("amount")
    return isinstance(amount, int) and amount < 0


def read_payment(connection: Connection, found: Mapping[str, Any]) -> PaymentRead:
    """A payment of an invoice whose payment intent was expanded down to its charge."""
    return read_intent(connection, mapping(mapping(found.get("payment")).get("payment_intent")))


def read_intent(connection: Connection, intent: Mapping[str, Any]) -> PaymentRead:
    """A payment intent that was expanded down to its charge."""
    charge = mapping(intent.get("latest_charge"))
    dispute = ""
    if charge.get("disputed"):
        dispute = _dispute(connection, identifier(intent))
    return PaymentRead(
        amount=whole(charge.get("amount_captured")) or whole(charge.get("amount")) or 0,
        refunded=whole(charge.get("amount_refunded")) or 0,
        dispute=dispute,
    )


def _dispute(connection: Connection, payment_intent: str) -> str:
    with translated():
        found = connection.client().v1.disputes.list({"payment_intent": payment_intent, "limit": 10})
    statuses = [str(one.to_dict().get("status")) for one in found.data]
    if any(status in OPEN_DISPUTES for status in statuses):
        return "open"
    if "lost" in statuses:
        return "lost"
    return "won" if "won" in statuses else ""
