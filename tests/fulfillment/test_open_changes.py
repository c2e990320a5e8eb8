"""An item is changed in place while a bill is open: what was paid for stands, and a credit pays for nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from portal.billing.gateway import read_purchase
from portal.billing.gateway.money import read_invoice
from portal.fulfillment import paying
from portal.fulfillment.bills import bills_of
from portal.reconciliation import watching
from tests.factories import make_product
from tests.fulfillment.story import GRACE, Story
from tests.fulfillment.test_replaced import BAD, GOOD, pay

PRO = '{"F2": true, "MaxNoOfMachines": 4}'
YEARLY = {"recurring": {"interval": "year"}}
LATER: dict[str, Any] = {"collection_method": "send_invoice", "days_until_due": 30}
HOW = pytest.mark.parametrize("how", ["card", "invoice"])


def yearly(story: Story, skm: str = "", amount: int = 10000, product: str = "1") -> Any:
    """A plan for a year."""
    return story.plan(skm, amount, product, **YEARLY)


def served(story: Story, how: str = "card", quantity: int = 1, **more: Any) -> Any:
    """A year that was paid for, by a card that is refused from now on or by an invoice that was sent."""
    customer = story.customer(email="ada@mail.example")
    more |= LATER if how == "invoice" else {}
    bought = story.buy(customer, more.pop("price", None) or yearly(story), quantity, **more)
    if how == "invoice":
        pay(story, bought)
    story.happens(bought)
    story.shop.change_card(bought.customer, BAD)
    return bought


def change(story: Story, bought: Any, proration: str = "always_invoice", **item: Any) -> None:
    """The item stays the same, with another price or quantity."""
    story.move(minutes=5)
    item["id"] = story.at_stripe(bought)["items"]["data"][0]["id"]
    story.shop.v1.subscriptions.update(bought.id, {"items": [item], "proration_behavior": proration})
    story.happens(bought)


def settle(story: Story, bought: Any) -> None:
    """Every open invoice is paid, the oldest first."""
    story.shop.change_card(bought.customer, GOOD)
    for invoice in story.shop.v1.invoices.list({"subscription": bought.id, "status": "open"}).data[::-1]:
        story.shop.v1.invoices.pay(invoice.id)
    story.happens(bought, "invoice.paid")


def working(story: Story) -> list[tuple[int, bool]]:
    """Product and second feature of the keys that work."""
    return [(key.product_id, key.f2) for key in story.licenses() if not key.block]


@HOW
def test_what_was_paid_for_stands_until_the_upgrade_is_paid(story: Story, how: str) -> None:
    bought = served(story, how)
    end = story.paid_until(bought)
    story.move(days=30)
    change(story, bought, price=yearly(story, PRO, 90000).id, quantity=5)
    assert story.at_stripe(bought)["status"] == ("past_due" if how == "card" else "active")
    story.sweep("fulfillment.sweep_all")
    key = story.the_key()
    assert (key.block, key.f2, key.max_no_of_machines, key.expires_at) == (False, False, 0, end + GRACE)

    settle(story, bought)
    assert working(story) == [(1, True)] * 5
    assert {key.expires_at for key in story.licenses()} == {end + GRACE}


@HOW
def test_the_key_of_the_product_that_was_paid_for_stands_until_the_other_is_paid(story: Story, how: str) -> None:
    make_product(story.vendor)
    bought = served(story, how)
    key = story.the_key().key
    story.move(days=30)
    change(story, bought, price=yearly(story, amount=90000, product="2").id)
    assert (story.the_key().key, story.the_key().block) == (key, False)

    settle(story, bought)
    assert [(key.product_id, key.block) for key in story.licenses()] == [(1, True), (2, False)]


def test_who_is_seen_first_after_the_change_gets_what_was_paid_for(story: Story) -> None:
    bought = story.buy(story.customer(), yearly(story), 2)
    story.shop.change_card(bought.customer, BAD)
    change(story, bought, price=yearly(story, PRO, 90000).id, quantity=50)

    assert working(story) == [(1, False)] * 2


@HOW
def test_several_open_changes_are_all_undone_and_a_credit_over_one_pays_for_none(story: Story, how: str) -> None:
    bought = served(story, how, quantity=2)
    for quantity in (50, 60, 25):
        change(story, bought, quantity=quantity)
        assert len(working(story)) == 2
    change(story, bought, quantity=1)
    assert len(story.licenses()) == 2
    assert len(working(story)) == (1 if how == "invoice" else 2)


def test_what_was_changed_without_a_bill_stands_beneath_a_change_that_is_open(story: Story) -> None:
    bought = served(story, "invoice")
    for proration, quantity, keys in (("none", 3, 3), ("always_invoice", 5, 3), ("create_prorations", 4, 4)):
        change(story, bought, proration, quantity=quantity)
        assert len(working(story)) == keys


@HOW
def test_another_rhythm_counts_once_it_is_paid(story: Story, how: str) -> None:
    bought = served(story, how)
    end = story.paid_until(bought)
    story.move(days=30)
    change(story, bought, "none", price=story.plan(PRO, 4900).id, quantity=5)
    assert story.the_key().f2 is False

    settle(story, bought)
    assert working(story) == [(1, True)] * 5
    first, *others = story.licenses()
    assert first.expires_at == end + GRACE
    assert {key.expires_at for key in others} == {story.paid_until(bought) + GRACE}


def test_a_change_before_the_trial_ends_early_stays_while_its_first_bill_is_open(story: Story) -> None:
    bought = story.buy(story.customer(), trial_period_days=14, **LATER)
    change(story, bought, "none", price=story.plan(PRO).id, quantity=2)
    assert working(story) == [(1, True)] * 2
    story.shop.v1.subscriptions.update(bought.id, {"trial_end": "now"})
    story.happens(bought)

    assert working(story) == [(1, True)] * 2


def test_what_was_changed_without_a_bill_stays_while_the_renewal_is_open(story: Story) -> None:
    bought = served(story, "invoice")
    change(story, bought, "none", price=yearly(story, PRO).id, quantity=3)
    story.move(days=366)
    story.happens(bought)

    assert working(story) == [(1, True)] * 3


@pytest.mark.parametrize("policy", ["unpaid", "past_due", "canceled"])
def test_no_end_of_the_retries_gives_what_was_not_paid(story: Story, policy: str) -> None:
    story._steer("settings", {"after_retries": policy})
    try:
        bought = served(story)
        change(story, bought, quantity=50)
        story.move(days=60)
        story.happens(bought)
    finally:
        story._steer("settings", {"after_retries": "past_due"})

    assert (story.at_stripe(bought)["status"], len(story.licenses())) == (policy, 1)


@HOW
def test_a_credit_moves_no_end_while_the_renewal_is_open(story: Story, how: str) -> None:
    bought = served(story, how, quantity=2)
    end = story.paid_until(bought)
    story.move(days=366)
    story.happens(bought)
    change(story, bought, quantity=1)
    story.sweep("fulfillment.sweep_all")
    latest = story.shop.v1.invoices.retrieve(story.at_stripe(bought)["latest_invoice"])
    assert (latest.status, latest.amount_paid) == ("paid", 0)
    assert {key.expires_at for key in story.licenses()} == {end + GRACE}
    assert watching.charged(story.vendor_id) == []

    settle(story, bought)
    assert next(key.expires_at for key in story.licenses() if not key.block) == story.paid_until(bought) + GRACE > end


def test_a_credit_makes_no_keys_while_the_first_bill_is_open(story: Story) -> None:
    bought = story.buy(story.customer(), yearly(story), 50, **LATER)
    change(story, bought, quantity=49)

    assert (story.licenses(), story.purchase(bought).state) == ([], "waiting")


def test_an_upgrade_that_is_paid_in_the_middle_runs_to_the_end_of_the_year(story: Story) -> None:
    bought = served(story)
    story.shop.change_card(bought.customer, GOOD)
    story.move(days=30)
    change(story, bought, price=yearly(story, PRO, 90000).id, quantity=2)

    assert working(story) == [(1, True)] * 2
    assert {key.expires_at for key in story.licenses()} == {story.paid_until(bought) + GRACE}


def line(start: int, end: int, amount: int = 100, **more: Any) -> dict[str, Any]:
    """A line of a bill, from one day to another, in the shape from before 2025-03-31.basil."""
    period = {"start": start * 86400, "end": end * 86400}
    return {
        "amount": amount,
        "quantity": 1,
        "price": {"id": "price_1"},
        "subscription_item": "si_1",
        "period": period,
    } | more


def paid_to(*bills: dict[str, Any]) -> int | None:
    """The day to which a subscription whose collection has failed is paid. bills: newest first."""
    found = read_purchase({"id": "sub_1", "status": "past_due"})
    _, ends = paying.paid_until(found, bills_of(read_invoice(bill) for bill in bills))
    return int(end.timestamp()) // 86400 if (end := ends.get("si_1")) else None


def bill(status: str, amount_paid: int, *lines: dict[str, Any]) -> dict[str, Any]:
    """A bill over some lines."""
    return {"id": "in_1", "status": status, "amount_paid": amount_paid, "lines": {"data": list(lines)}}


def test_the_rest_of_a_period_is_paid_as_far_as_a_period_is() -> None:
    first, renewal, rest = line(1, 30), line(30, 60), line(40, 60, proration=True)
    credit = bill("paid", 0, line(40, 60, -200, proration=True), rest)
    upgrade = bill("paid", 50, line(40, 60, -50, proration=True), rest)
    year = bill("paid", 100, first)
    for status in ("draft", "open", "uncollectible", "void"):
        assert paid_to(credit, bill(status, 0, renewal), year) == 30
        assert paid_to(credit, bill(status, 0, renewal)) is None
        assert paid_to(upgrade, bill(status, 0, renewal)) == 60
    assert paid_to(upgrade, bill("open", 0, renewal), year) == 30
    assert paid_to(upgrade, bill("void", 0, renewal), year) == 60  # the vendor gave up on the rest
    assert paid_to(credit, bill("paid", 100, renewal), year) == 60
    assert paid_to(credit) == paid_to(credit, bill("never_heard_of", 0, renewal), year) == 60
