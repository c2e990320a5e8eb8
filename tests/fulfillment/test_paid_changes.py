"""Changes that were paid with money count, whatever became of older ones."""

from __future__ import annotations

from typing import Any

import pytest

from portal.billing.gateway import BoughtItem, read_purchase
from portal.billing.gateway.money import read_invoice
from portal.fulfillment import changing, paying
from portal.fulfillment.bills import bills_of
from tests.fulfillment.story import Story
from tests.fulfillment.test_open_changes import PRO, bill, change, line, served, working, yearly
from tests.fulfillment.test_replaced import GOOD

P1, P3, P5, P6 = ("P", 1), ("P", 3), ("P", 5), ("P", 6)
YEAR = bill("paid", 100, line(30, 60, price={"id": "P"})) | {"billing_reason": "subscription_cycle"}


@pytest.mark.parametrize(("fate", "keys"), [("void_invoice", 5), ("mark_uncollectible", 3)])
def test_more_units_that_were_paid_are_served_after_a_change_that_was_given_up(
    story: Story, fate: str, keys: int
) -> None:
    """What was voided is forgotten; what was written off is owed still, so that only what was paid is added."""
    bought = served(story)
    story.move(days=30)
    change(story, bought, quantity=3)
    getattr(story.shop.v1.invoices, fate)(story.at_stripe(bought)["latest_invoice"])
    story.happens(bought)
    assert len(working(story)) == 1

    story.shop.change_card(bought.customer, GOOD)
    change(story, bought, quantity=5)
    assert len(working(story)) == keys


def test_a_plan_that_was_paid_is_served_after_one_that_was_given_up(story: Story) -> None:
    bought = served(story, "invoice")
    story.move(days=30)
    change(story, bought, price=yearly(story, amount=20000).id)
    story.shop.v1.invoices.void_invoice(story.at_stripe(bought)["latest_invoice"])
    story.happens(bought)
    change(story, bought, price=yearly(story, PRO, 90000).id)
    assert working(story) == [(1, False)]

    story.shop.v1.invoices.pay(story.at_stripe(bought)["latest_invoice"], {"paid_out_of_band": True})
    story.happens(bought, "invoice.paid")
    assert working(story) == [(1, True)]


@pytest.mark.parametrize(
    ("bills", "stands"),
    [
        ([("paid", 200, P3, P5), ("void", 0, P1, P3)], None),
        ([("paid", 100, P5, P6), ("open", 0, P1, P5)], ("P", 2)),
        ([("open", 0, P5, P6), ("paid", 200, P3, P5), ("void", 0, P1, P3)], P5),
        ([("paid", 200, P3, P5), ("void", 0, P3, P5), ("paid", 200, P1, P3)], None),
        ([("open", 0, P3, P5), ("paid", 200, P1, P3)], P3),
    ],
)
def test_what_stands_beneath_a_chain_of_changes(bills: list[Any], stands: tuple[str, int] | None) -> None:
    """Newest first; the units that a paid change added count while an older one is still due."""
    item = BoughtItem("si_1", *bills[0][3][:1], "prod_1", {}, {}, bills[0][3][1], None)
    read = [read_invoice(changed(*one)) for one in bills] + [read_invoice(YEAR)]
    found = changing.standing_line(item, bills_of(read))

    assert (found and (found.price_id, found.quantity)) == stands


def changed(status: str, paid: int, before: tuple[str, int], after: tuple[str, int]) -> dict[str, Any]:
    """A bill for a change in place: the unused time back, the rest of the period with what it is now."""
    back = line(40, 60, -100 * before[1], proration=True, quantity=before[1], price={"id": before[0]})
    rest = line(40, 60, 100 * after[1], proration=True, quantity=after[1], price={"id": after[0]})
    return bill(status, paid, back, rest) | {"billing_reason": "subscription_update"}


def test_an_item_that_was_added_and_paid_runs_to_the_end_of_its_period_while_another_is_open() -> None:
    added = line(40, 60, 5000, proration=True, subscription_item="si_2")
    bills = [bill("paid", 5000, added), bill("open", 0, line(30, 60)), bill("paid", 100, line(1, 30))]
    found = read_purchase({"id": "sub_1", "status": "past_due"})
    _, ends = paying.paid_until(found, bills_of(read_invoice(one) for one in bills))

    assert {item: int(end.timestamp()) // 86400 for item, end in ends.items() if end} == {"si_1": 30, "si_2": 60}


def test_a_bill_that_was_given_up_before_a_paid_period_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    latest = bill("paid", 50, line(70, 90, 50, proration=True))
    bills = [latest, bill("paid", 100, line(60, 90)), bill("void", 0, line(30, 60))]
    found = read_purchase({"id": "sub_1", "status": "active", "latest_invoice": latest})
    listed = [read_invoice(one) for one in bills]
    monkeypatch.setattr(paying.gateway, "list_invoices", lambda connection, subscription: listed)

    assert paying.open_account(None, found) is None  # type: ignore[arg-type]


def test_a_bill_that_sells_more_is_read_whichever_is_the_latest() -> None:
    item = {"id": "il_1", "amount": 9900, "parent": {"invoice_item_details": {"invoice_item": "ii_1"}}}
    older, latest = bill("paid", 10000, item) | {"id": "in_1"}, bill("open", 0, line(30, 60)) | {"id": "in_2"}
    found = read_purchase({"id": "sub_1", "status": "active", "latest_invoice": latest})

    assert paying.sold_beside(found, bills_of(map(read_invoice, (latest, older)))) == ("in_1",)
