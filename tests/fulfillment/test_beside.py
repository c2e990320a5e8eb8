"""Sold once beside a subscription: a perpetual license in the same checkout, or a line that staff add to its bill."""

from __future__ import annotations

from typing import Any

import pytest

from portal.billing.gateway import NoSuchPurchase, one_off
from portal.billing.gateway.money import read_invoice
from portal.extensions import db
from portal.fulfillment.models import Purchase
from tests.factories import make_product
from tests.fulfillment.story import GRACE, Story


@pytest.fixture
def add_on(story: Story) -> Any:
    """A price that is paid once, of our product 2."""
    make_product(story.vendor)
    db.session.commit()
    made = story.shop.v1.products.create({"name": "Add-on", "metadata": {"skm_product_id": "2"}})
    return story.shop.v1.prices.create({"product": made.id, "currency": "usd", "unit_amount": 9900})


def pay(story: Story, once: Any, month: Any = None, **more: Any) -> Any:
    """One checkout with a monthly plan of product 1 and something that is paid once; the subscription."""
    lines = [{"price": (month or story.plan()).id, "quantity": 1}, {"price": once.id, "quantity": 1}]
    session = story.checkout(story.customer(), once, line_items=lines, mode="subscription", **more)
    story.do("pay", session.id)
    return story.shop.v1.subscriptions.retrieve(story.session(session.id).subscription)


def keys(story: Story) -> list[tuple[int, bool]]:
    """Product and block of each key."""
    return sorted((license.product_id, license.block) for license in story.licenses())


def everything(story: Story) -> None:
    """All sweeps, twice."""
    for _ in range(2):
        for name in ("webhooks.sweep_events", "fulfillment.sweep_ending", "fulfillment.sweep_all"):
            story.sweep(name)
        story.move(hours=1)


def test_each_gets_a_key_of_its_own_and_no_second_one(story: Story, add_on: Any) -> None:
    bought = pay(story, add_on)
    story.happens(bought)
    assert keys(story) == [(1, False), (2, False)]

    everything(story)
    assert keys(story) == [(1, False), (2, False)]
    month, perpetual = story.units()
    assert (month.stripe_id, perpetual.stripe_id) == (bought.id, story.at_stripe(bought)["latest_invoice"])
    assert (month.paid_until, perpetual.paid_until) == (story.paid_until(bought), None)
    assert {license.customer_id for license in story.licenses()} == {story.purchase(bought).customer_id}


def test_what_was_sold_once_outlives_the_subscription(story: Story, add_on: Any) -> None:
    bought = pay(story, add_on)
    story.happens(bought)
    story.shop.v1.subscriptions.cancel(bought.id)
    story.happens(bought)
    everything(story)

    assert keys(story) == [(1, True), (2, False)]


def test_the_full_sweep_finds_it_on_an_older_bill(story: Story, add_on: Any) -> None:
    bought = pay(story, add_on)
    story.move(days=32)
    story.sweep("fulfillment.sweep_all")

    assert story.at_stripe(bought)["status"] == "active"
    assert keys(story) == [(1, False), (2, False)]
    assert story.licenses()[0].expires_at == story.paid_until(bought) + GRACE


def test_money_that_goes_back_blocks_both(story: Story, add_on: Any) -> None:
    bought = pay(story, add_on)
    story.happens(bought)
    charge = story.charge_of(bought)
    intent = story.shop.v1.charges.retrieve(charge).payment_intent
    story.do("refund", charge)
    story.move(seconds=1)
    story.tell_of("charge.refunded", {"id": charge, "payment_intent": intent})

    assert keys(story) == [(1, True), (2, True)]


@pytest.mark.parametrize("metadata", [{}, {"skm_customer_id": "1"}])
def test_a_fee_for_something_that_is_none_of_ours_is_nothing(story: Story, metadata: dict[str, str]) -> None:
    made = story.shop.v1.products.create({"name": "Set-up fee"})
    fee = story.shop.v1.prices.create({"product": made.id, "currency": "usd", "unit_amount": 5000})
    bought = pay(story, fee, subscription_data={"metadata": metadata})
    story.happens(bought)
    everything(story)

    assert keys(story) == [(1, False)]
    assert story.count(Purchase) == 1


@pytest.mark.parametrize(("skm", "number"), [("", 1), ('{"F1": true}', 2)])
def test_a_fee_for_the_very_product_is_no_second_key_unless_it_has_a_plan(story: Story, skm: str, number: int) -> None:
    month = story.plan()
    plan = {"metadata": {"skm": skm}} if skm else {}
    fee = story.shop.v1.prices.create({"product": month.product, "currency": "usd", "unit_amount": 5000, **plan})
    story.happens(pay(story, fee, month))
    everything(story)

    assert keys(story) == [(1, False)] * number


@pytest.mark.parametrize(
    ("line", "sells"),
    [
        ({"type": "invoiceitem", "amount": 9900, "subscription": "sub_1", "proration": False}, True),
        ({"type": "subscription", "amount": 1900, "subscription": "sub_1", "subscription_item": "si_1"}, False),
        ({"type": "invoiceitem", "amount": 500, "subscription_item": "si_1", "proration": True}, False),
        ({"type": "invoiceitem", "amount": -500, "proration": False}, False),
    ],
)
def test_lines_in_the_old_shape_are_told_apart(line: dict[str, Any], sells: bool) -> None:
    assert read_invoice({"id": "in_1", "subscription": "sub_1", "lines": {"data": [line]}}).sells_once is sells


def test_a_price_that_is_gone_from_the_catalog_hides_no_sale(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> None:
        raise NoSuchPurchase("", code="resource_missing", param="id")

    monkeypatch.setattr(one_off, "found_at", gone)
    line = {"id": "il_1", "quantity": 2, "pricing": {"price_details": {"price": "price_1", "product": "prod_1"}}}
    sold = one_off._items(None, {"id": "in_1", "lines": {"data": [line]}})  # type: ignore[arg-type]

    assert [(item.price_id, item.product_id, item.quantity) for item in sold] == [("price_1", "prod_1", 2)]
