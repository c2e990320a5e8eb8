"""A credit for time that was never paid for pays for nothing, whatever Stripe calls the bill over it."""

from __future__ import annotations

from typing import Any

import pytest

from portal.billing.gateway import BoughtItem
from portal.billing.gateway.money import read_invoice
from portal.fulfillment import changing
from portal.fulfillment.bills import bills_of
from tests.fulfillment.story import GRACE, Story
from tests.fulfillment.test_open_changes import (
    HOW,
    LATER,
    PRO,
    bill,
    change,
    line,
    served,
    settle,
    working,
    yearly,
)
from tests.fulfillment.test_paid_changes import YEAR, changed
from tests.fulfillment.test_replaced import GOOD


def ends(story: Story) -> set[Any]:
    """When the keys end."""
    return {key.expires_at for key in story.licenses()}


@pytest.mark.parametrize("fate", ["open", "mark_uncollectible"])
def test_a_dearer_plan_that_is_paid_does_not_pay_for_the_units_beneath_it(story: Story, fate: str) -> None:
    bought = served(story)
    story.move(days=30)
    change(story, bought, quantity=100)
    if fate != "open":
        getattr(story.shop.v1.invoices, fate)(story.at_stripe(bought)["latest_invoice"])
        story.happens(bought)
    story.shop.change_card(bought.customer, GOOD)
    change(story, bought, price=yearly(story, PRO, 10100).id, quantity=100)
    assert working(story) == [(1, True)]

    settle(story, bought)
    assert len(working(story)) == (100 if fate == "open" else 1)


def test_one_more_unit_is_paid_after_many_that_were_written_off(story: Story) -> None:
    bought = served(story)
    story.move(days=30)
    change(story, bought, quantity=100)
    story.shop.v1.invoices.mark_uncollectible(story.at_stripe(bought)["latest_invoice"])
    story.happens(bought)
    story.shop.change_card(bought.customer, GOOD)
    change(story, bought, quantity=101)

    assert len(working(story)) == 2


@HOW
def test_a_year_that_only_a_credit_paid_moves_no_end(story: Story, how: str) -> None:
    bought = served(story, how, price=story.plan(amount=1900))
    end = story.paid_until(bought)
    story.move(days=3)
    change(story, bought, quantity=100)
    change(story, bought, price=yearly(story).id, quantity=1)
    latest = story.shop.v1.invoices.retrieve(story.at_stripe(bought)["latest_invoice"])

    assert (latest.status, latest.amount_paid) == ("paid", 0)
    assert ends(story) == {end + GRACE}


@HOW
def test_a_month_paid_by_the_credit_for_an_open_renewal_moves_no_end(story: Story, how: str) -> None:
    bought = served(story, how)
    end = story.paid_until(bought)
    story.move(days=366)
    story.happens(bought)
    for amount in (900, 800):
        change(story, bought, price=story.plan("", amount).id)
        assert ends(story) == {end + GRACE}


@HOW
def test_a_plan_that_the_unused_rest_of_a_paid_one_pays_for_counts(story: Story, how: str) -> None:
    bought = served(story, how, price=yearly(story, amount=90000))
    story.move(days=30)
    change(story, bought, price=story.plan(PRO, 900).id)

    assert working(story) == [(1, True)]


@HOW
@pytest.mark.parametrize("interval", ["month", "year"])
def test_from_a_free_plan_to_a_paid_one_only_when_it_is_paid(story: Story, how: str, interval: str) -> None:
    free = story.plan("", 0, recurring={"interval": interval})
    bought = served(story, "card", price=free, **(LATER if how == "invoice" else {}))
    story.move(days=3)
    change(story, bought, price=yearly(story, PRO, 90000).id, quantity=5)
    assert working(story) == [(1, False)]

    settle(story, bought)
    assert working(story) == [(1, True)] * 5


def test_from_a_paid_plan_to_a_free_one_counts_at_once(story: Story) -> None:
    bought = served(story)
    story.move(days=3)
    change(story, bought, price=yearly(story, PRO, 0).id)

    assert working(story) == [(1, True)]


def test_a_change_paid_from_a_balance_that_the_vendor_gave_counts(story: Story) -> None:
    bought = served(story)
    story.move(days=30)
    change(story, bought, quantity=3)
    story.shop.v1.invoices.void_invoice(story.at_stripe(bought)["latest_invoice"])
    story.shop.v1.customers.update(bought.customer, {"balance": -500000})
    change(story, bought, quantity=5)

    assert len(working(story)) == 5


def test_a_balance_made_of_a_credit_over_an_open_bill_pays_for_nothing(story: Story) -> None:
    bought = served(story, "invoice")
    story.move(days=30)
    for quantity in (100, 1, 50):
        change(story, bought, quantity=quantity)
    latest = story.shop.v1.invoices.retrieve(story.at_stripe(bought)["latest_invoice"])

    assert (latest.status, latest.amount_paid) == ("paid", 0)
    assert len(working(story)) == 1


@pytest.mark.parametrize(
    ("later", "units"),
    [(("Q", 100), 1), (("P", 101), 2), (("P", 250), 151), (("P", 5), 1)],
)
def test_money_is_worth_the_units_it_pays_for(later: tuple[str, int], units: int) -> None:
    """A hundred units were never paid; whatever comes on top is worth what it cost and the one unit below."""
    price = 100 if later[0] == "P" else 101
    rest = line(40, 60, price * later[1], proration=True, quantity=later[1], price={"id": later[0]})
    back = line(40, 60, -10000, proration=True, quantity=100, price={"id": "P"})
    paid = max(0, price * later[1] - 10000)
    newest = bill("paid", paid, back, rest) | {"billing_reason": "subscription_update"}
    bills = [newest, changed("open", 0, ("P", 1), ("P", 100)), YEAR]
    item = BoughtItem("si_1", later[0], "prod_1", {}, {}, later[1], None)
    found = changing.standing_line(item, bills_of(map(read_invoice, bills)))

    assert found is not None
    assert (found.price_id, found.quantity) == (later[0], units)
