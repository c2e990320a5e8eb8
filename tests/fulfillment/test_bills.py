"""Which bills count, and how far: several in a row, several changes on one, several rhythms side by side."""

from __future__ import annotations

from typing import Any

import pytest

from portal.billing.gateway import BoughtItem, read_purchase
from portal.billing.gateway.money import read_invoice
from portal.fulfillment import changing, paying
from portal.fulfillment.bills import bills_of
from tests.fulfillment.story import GRACE, Story
from tests.fulfillment.test_open_changes import HOW, LATER, PRO, bill, change, line, served, working, yearly
from tests.fulfillment.test_replaced import BAD, GOOD, pay, replace

Sold = tuple[str, int]


def changes(status: str, paid: int, *steps: tuple[int, str, int], reason: str = "subscription_update") -> Any:
    """A bill for changes within a period that ends on day 60. steps: day, price, and quantity (below zero: back)."""
    lines = [
        line(day, 60, 100 * units, proration=True, quantity=abs(units), price={"id": price})
        for day, price, units in steps
    ]
    return bill(status, paid, *lines[::-1]) | {"billing_reason": reason}


def year(units: int) -> Any:
    """A paid bill for all of the period."""
    return bill("paid", 100 * units, line(30, 60, 100 * units, quantity=units, price={"id": "P"}))


def stands(now: Sold, *bills: Any) -> Sold:
    """What counts of an item that is this now. bills: newest first."""
    item = BoughtItem("si_1", now[0], "prod_1", {}, {}, now[1], None)
    found = changing.standing_line(item, bills_of(map(read_invoice, bills)))
    return (found.price_id, found.quantity or 0) if found else now


def seen(monkeypatch: pytest.MonkeyPatch, items: list[tuple[str, int, int]], *bills: Any) -> dict[str, Any]:
    """Units and the day to which each item is paid. items: id, quantity, end of its period at Stripe; newest first."""
    data = [
        {"id": name, "quantity": units, "price": {"id": "P"}, "current_period_end": day * 86400}
        for name, units, day in items
    ]
    found = read_purchase(
        {"id": "sub_1", "status": "active", "latest_invoice": bills[0], "items": {"data": data}},
    )
    listed = [read_invoice(one) for one in bills]
    monkeypatch.setattr(paying.gateway, "list_invoices", lambda connection, subscription: listed)
    account = paying.open_account(None, found)  # type: ignore[arg-type]
    _, ends = paying.paid_until(found, account)
    lines = {item.id: changing.standing_line(item, account) if account else None for item in found.items}
    return {
        item.id: (stands.quantity if (stands := lines[item.id]) else item.quantity, int(end.timestamp()) // 86400)
        for item in found.items
        if (end := ends.get(item.id))
    }


def of_item(name: str, units: int, start: int, end: int, **more: Any) -> Any:
    """A line for an item, of 100 a unit."""
    return line(start, end, 100 * units, quantity=abs(units), subscription_item=name, price={"id": "P"}, **more)


def settle_otherwise(story: Story, bought: Any) -> None:
    """The latest bill is paid in a way that Stripe does not see."""
    story.shop.v1.invoices.pay(story.at_stripe(bought)["latest_invoice"], {"paid_out_of_band": True})
    story.happens(bought, "invoice.paid")


def give_up(story: Story, bought: Any, quantity: int = 1) -> None:
    """Staff take an upgrade back, and void its bill."""
    change(story, bought, "none", quantity=quantity)
    story.shop.v1.invoices.void_invoice(story.at_stripe(bought)["latest_invoice"])
    story.happens(bought)


def test_long_chains_of_credits_are_read_in_one_go() -> None:
    """Each of 48 bills raises three items, all paid by a coupon: looking back from each would take forever."""
    bills = []
    for number in range(48, 0, -1):
        lines = [
            line(number, 60, amount, proration=True, quantity=units, subscription_item=f"si_{item}")
            for item in range(3)
            for units, amount in ((number, -100 * number), (number + 1, 100 * number + 100))
        ]
        bills.append(read_invoice(bill("paid", 0, *lines)))
    assert bills_of(bills).hollow == frozenset()
    assert bills_of([*bills, read_invoice(bill("open", 0, line(1, 60)))]).hollow == frozenset(range(48))


def test_who_pays_for_more_after_a_change_that_was_given_up_keeps_it_when_more_is_added_without_a_bill(
    story: Story,
) -> None:
    bought = served(story, "invoice")
    story.move(days=30)
    change(story, bought, quantity=5)
    give_up(story, bought)
    change(story, bought, quantity=3)
    settle_otherwise(story, bought)
    assert len(working(story)) == 3

    change(story, bought, "create_prorations", quantity=5)
    assert len(working(story)) == 5


@pytest.mark.parametrize("amount", [10100, 90500])
def test_keys_that_were_paid_for_stand_whatever_is_paid_on_top_of_a_plan_that_is_owed(
    story: Story, amount: int
) -> None:
    bought = served(story, "invoice", quantity=10)
    story.move(days=30)
    change(story, bought, price=yearly(story, "", 90000).id, quantity=10)
    assert len(working(story)) == 10
    change(story, bought, price=yearly(story, PRO, amount).id, quantity=10)
    if amount > 90000:
        settle_otherwise(story, bought)
    assert working(story) == [(1, False)] * 10

    for invoice in story.shop.v1.invoices.list({"subscription": bought.id, "status": "open"}).data:
        story.shop.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    story.happens(bought, "invoice.paid")
    assert working(story) == [(1, True)] * 10


def test_a_balance_made_of_a_credit_over_an_open_bill_is_worth_nothing_beside_some_money(story: Story) -> None:
    bought = served(story, "invoice")
    story.move(days=30)
    for quantity in (100, 1, 101):
        change(story, bought, quantity=quantity)
    story.shop.change_card(bought.customer, GOOD)
    story.shop.v1.invoices.pay(story.at_stripe(bought)["latest_invoice"])
    story.happens(bought, "invoice.paid")
    latest = story.shop.v1.invoices.retrieve(story.at_stripe(bought)["latest_invoice"])

    assert latest.status == "paid"
    assert 0 < latest.amount_paid < latest.total / 50
    assert len(working(story)) == 2
    change(story, bought, quantity=100)
    assert len(working(story)) == 2


@pytest.mark.parametrize("flat", [[], [line(30, 395, 9900, quantity=0, price={"id": "T"})]])
def test_a_price_with_tiers_is_paid_for_all_of_them(flat: list[Any]) -> None:
    tiers = [line(30, 395, amount, quantity=5, price={"id": "T"}) for amount in (500, 400)]
    paid = bill("paid", 900, *tiers, *flat)
    monthly = bill("open", 0, line(40, 70, 100, quantity=10, price={"id": "M"})) | {
        "billing_reason": "subscription_update"
    }

    assert [each.quantity for each in read_invoice(paid).standing_lines] == [10]
    assert stands(("M", 10), monthly, paid) == ("T", 10)


@pytest.mark.parametrize(
    ("status", "first_day", "last_day", "units"), [("open", 40, 395, 100), ("uncollectible", 395, 760, 1)]
)
def test_a_month_that_is_paid_hides_no_bill_of_a_year_beside_it(
    monkeypatch: pytest.MonkeyPatch, status: str, first_day: int, last_day: int, units: int
) -> None:
    """Two items of one subscription, each with its own rhythm: an upgrade, or the renewal, of the other is owed."""

    def month(day: int) -> Any:
        return line(day, day + 30, 500, subscription_item="si_m", price={"id": "M"})

    back = [line(first_day, last_day, -100, proration=True, price={"id": "P"})] if units > 1 else []
    owed = bill(status, 0, *back, line(first_day, last_day, 100 * units, proration=units > 1, quantity=units))
    latest, first = bill("paid", 500, month(first_day + 20)), bill("paid", 600, line(30, 395), month(30))
    items = [("si_1", 1, last_day), ("si_m", 1, first_day + 50)]

    assert seen(monkeypatch, items, latest, owed, first) == {"si_1": (1, 395), "si_m": (1, first_day + 50)}


REST = {"proration": True}


@pytest.mark.parametrize(
    ("owed", "start", "units"),
    [
        (bill("open", 0, of_item("si_a", 50, 1, 365)), 41, 49),
        (bill("open", 0, of_item("si_a", -1, 40, 365, **REST), of_item("si_a", 50, 40, 365, **REST)), 41, 49),
        (bill("open", 0, of_item("si_a", 50, 365, 730)), 370, 49),
        (bill("uncollectible", 0, of_item("si_a", 50, 365, 730)), 370, 49),
        (bill("void", 0, of_item("si_a", 50, 365, 730)), 370, 49),
    ],
)
def test_what_a_credit_for_an_item_that_is_gone_pays_for_is_not_paid(
    monkeypatch: pytest.MonkeyPatch, owed: Any, start: int, units: int
) -> None:
    """Stripe gives back what is left of an item that was never paid for, and the bill for its successor is over 0."""
    end = 730 if start == 370 else 365
    swap = bill("paid", 0, of_item("si_a", -50, start, end, **REST), of_item("si_b", units, start, end, **REST))
    first = (
        [bill("paid", 100, of_item("si_a", 1, 1, 365))] if owed["lines"]["data"][-1]["period"]["start"] > 86400 else []
    )

    assert seen(monkeypatch, [("si_b", units, end)], swap, owed, *first) == {}


def test_what_is_added_without_a_bill_is_paid_no_further_than_its_own_period(monkeypatch: pytest.MonkeyPatch) -> None:
    raised = bill("open", 0, of_item("si_a", -1, 40, 365, **REST), of_item("si_a", 2, 40, 365, **REST))
    raised |= {"billing_reason": "subscription_update"}
    first = bill("paid", 100, of_item("si_a", 1, 1, 365))
    items = [("si_a", 2, 365), ("si_m", 100, 71)]

    assert seen(monkeypatch, items, raised, first) == {"si_a": (1, 365), "si_m": (100, 71)}
    # In its place, and nothing was given back: then what was paid for is not lost.
    assert seen(monkeypatch, items[1:], raised, first) == {"si_m": (100, 365)}


@HOW
@pytest.mark.parametrize("is_at_once", [True, False])
def test_a_credit_for_one_item_that_is_owed_pays_for_no_units_of_another(
    story: Story, how: str, is_at_once: bool
) -> None:
    bought = served(story, how)
    story.shop.change_card(bought.customer, GOOD)
    added = {"items": [{"price": yearly(story, PRO, 9900).id}], "proration_behavior": "always_invoice"}
    story.shop.v1.subscriptions.update(bought.id, added)
    pay(story, bought) if how == "invoice" else story.happens(bought)
    story.shop.change_card(bought.customer, BAD)
    first, second = (item["id"] for item in story.at_stripe(bought)["items"]["data"])
    back, more = {"id": second, "quantity": 1}, {"id": first, "quantity": 50}
    for entries in ([{"id": second, "quantity": 100}], *([[back, more]] if is_at_once else [[back], [more]])):
        story.move(minutes=5)
        update = {"items": entries, "proration_behavior": "always_invoice"}
        story.shop.v1.subscriptions.update(bought.id, update)
        story.happens(bought)
        assert len(working(story)) == 2


@pytest.mark.parametrize(
    ("now", "bills", "expected"),
    [
        (6, [changes("open", 0, (40, "P", -5), (40, "P", 1), (50, "P", -1), (50, "P", 6)), year(5)], 5),
        (1001, [changes("open", 0, (40, "P", -1), (40, "P", 1000), (50, "P", -1000), (50, "P", 1001)), year(1)], 1),
        (
            60,
            [
                changes("paid", 1000, (40, "P", -50), (40, "P", 10), (40, "P", -10), (40, "P", 60)),
                changes("open", 0, (40, "P", -1), (40, "P", 50)),
                year(1),
            ],
            11,
        ),
    ],
)
def test_of_several_changes_on_one_bill_all_count_or_none(now: int, bills: list[Any], expected: int) -> None:
    assert stands(("P", now), *bills) == ("P", expected)


@pytest.mark.parametrize(("status", "units"), [("open", 1), ("void", 1), ("paid", 100)])
def test_a_bill_that_was_asked_for_by_hand_counts_like_any_other(status: str, units: int) -> None:
    asked_for = changes(status, 9900, (40, "P", -1), (40, "P", 100), reason="manual")
    assert stands(("P", 100), asked_for, year(1)) == ("P", units)


def test_what_is_added_without_a_bill_counts_though_an_older_one_was_voided(story: Story) -> None:
    bought = served(story, "invoice")
    change(story, bought, quantity=5)
    give_up(story, bought)
    story.move(minutes=5)
    added = {"items": [{"price": yearly(story).id}], "proration_behavior": "create_prorations"}
    story.shop.v1.subscriptions.update(bought.id, added)
    story.happens(bought)

    first, second = story.licenses()
    assert not first.block and not second.block
    assert first.expires_at == second.expires_at


def test_who_is_seen_first_after_a_credit_over_an_open_bill_gets_what_was_paid_for(story: Story) -> None:
    bought = story.buy(story.customer(), yearly(story), **LATER)
    pay_first = {"paid_out_of_band": True}
    story.shop.v1.invoices.pay(story.at_stripe(bought)["latest_invoice"], pay_first)
    for quantity in (50, 49):
        story.move(minutes=5)
        item = story.at_stripe(bought)["items"]["data"][0]["id"]
        up = {"items": [{"id": item, "quantity": quantity}], "proration_behavior": "always_invoice"}
        story.shop.v1.subscriptions.update(bought.id, up)
    story.move(minutes=5)
    replace(story, bought, yearly(story, PRO, 9000000))
    story.happens(bought)
    assert working(story) == [(1, False)]

    pay(story, bought)
    assert working(story) == [(1, True)]


def over_a_balance(amount: int, found: Any) -> Any:
    """A bill that the customer's balance at Stripe pays as far as it goes; an amount below zero is put into it."""
    return found | {"starting_balance": -max(0, amount), "ending_balance": min(0, amount)}


FOR_NOTHING = [changes("paid", 0, (45, "P", -100), (45, "P", 1)), changes("void", 0, (40, "P", -1), (40, "P", 100))]
FEE = bill("paid", 500) | {"billing_reason": "manual"}


@pytest.mark.parametrize(
    ("now", "bills", "expected"),
    [
        # Goodwill, while something is owed that came later, or that has nothing to do with it.
        (8, [bill("draft", 0, line(60, 90, 800, quantity=8)), (300, -5, 8), year(5)], 8),
        (8, [bill("open", 0) | {"billing_reason": "manual"}, (300, -5, 8), year(5)], 8),
        (8, [bill("uncollectible", 0, line(60, 90, 800, quantity=8)), (100, -5, 8), year(5)], 8),
        # What was given back of what was paid for.
        (8, [bill("draft", 0), (300, -5, 8), changes("paid", 0, (35, "P", -10), (35, "P", 5)), year(10)], 8),
        # What was given back of what was not paid for, whatever became of that bill.
        (100, [(9900, -1, 100), *FOR_NOTHING, year(1)], 1),
        (4, [(300, -1, 4), over_a_balance(-9900, FEE), *FOR_NOTHING, year(1)], 1),
        # That is spent by now: what pays here was put there since.
        (4, [(300, -1, 4), over_a_balance(9900, FEE), *FOR_NOTHING, year(1)], 4),
    ],
)
def test_a_balance_is_worth_what_it_was_made_of(now: int, bills: list[Any], expected: int) -> None:
    """A raise that a balance pays stands as amount and units: (300, -5, 8)."""
    read = [
        over_a_balance(one[0], changes("paid", 0, (50, "P", one[1]), (50, "P", one[2])))
        if isinstance(one, tuple)
        else one
        for one in bills
    ]
    assert stands(("P", now), *read) == ("P", expected)


def test_what_goodwill_has_paid_for_works_on_while_the_next_bill_is_open(story: Story) -> None:
    bought = served(story, "invoice")
    story.shop.v1.customers.update(bought.customer, {"balance": -1000000})
    change(story, bought, quantity=8)
    assert len(working(story)) == 8
    story.shop.v1.customers.update(bought.customer, {"balance": 0})
    story.move(days=366)
    story.happens(bought)

    latest = story.shop.v1.invoices.retrieve(story.at_stripe(bought)["latest_invoice"])
    assert (story.at_stripe(bought)["status"], latest.status) == ("active", "open")
    assert len(working(story)) == 8


def test_a_long_bill_is_read_to_its_last_line(story: Story) -> None:
    """Stripe shows ten lines of a bill: what is said of the eleventh item is asked for."""
    plans = [story.plan("", 1000 + number, "1", recurring={"interval": "month"}).id for number in range(11)]
    bought = story.buy(story.customer(), story.shop.v1.prices.retrieve(plans[0]))
    added = {"items": [{"price": plan} for plan in plans[1:]], "proration_behavior": "none"}
    story.shop.v1.subscriptions.update(bought.id, added)
    story.move(days=32)
    bill = story.shop.v1.invoices.retrieve(story.at_stripe(bought)["latest_invoice"])
    assert bill.lines.has_more
    hidden = story.shop.v1.invoices.line_items.list(bill.id, {"limit": 100}).data[-1].parent.subscription_item_details
    for quantity, card in ((2, GOOD), (3, BAD)):
        story.shop.change_card(bought.customer, card)
        raised = {"items": [{"id": hidden.subscription_item, "quantity": quantity}]}
        story.shop.v1.subscriptions.update(bought.id, raised | {"proration_behavior": "always_invoice"})
        story.move(minutes=5)
    story.shop.v1.invoices.void_invoice(story.at_stripe(bought)["latest_invoice"])
    lowered = {"items": [{"id": hidden.subscription_item, "quantity": 2}], "proration_behavior": "none"}
    story.shop.v1.subscriptions.update(bought.id, lowered)
    story.shop.change_card(bought.customer, GOOD)
    story.move(days=31)
    story.happens(bought, "invoice.paid")

    end = story.at_stripe(bought)["items"]["data"][0]["current_period_end"]
    assert [int((key.expires_at - GRACE).timestamp()) for key in story.licenses() if not key.block] == [end] * 12


def test_a_bill_for_something_else_is_not_the_one_that_pays_the_period() -> None:
    """Staff bill a fee by hand, in the subscription's name; when they give it back, the year is still paid."""
    found = read_purchase({"id": "sub_1", "status": "active"})
    bills = [read_invoice(one) for one in (bill("paid", 5000) | {"id": "in_2"}, bill("paid", 100, line(1, 365)))]
    last, ends = paying.paid_until(found, bills_of(bills))

    assert (last and last.id, list(ends)) == ("in_1", ["si_1"])
