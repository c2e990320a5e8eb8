"""An item is replaced by one whose payment is open: who has paid keeps the key, or gets it, and never two."""

from __future__ import annotations

from typing import Any

import pytest

from portal.billing.gateway.money import read_invoice
from portal.reconciliation import watching
from tests.factories import make_product
from tests.fulfillment.story import GRACE, Story

BAD, GOOD = "pm_card_chargeCustomerFail", "pm_card_visa"
PRO = '{"F2": true, "MaxNoOfMachines": 4}'


def replace(story: Story, bought: Any, price: Any, proration: str = "always_invoice", quantity: int = 1) -> None:
    """Another item takes the place of the only one, as some shops change plans."""
    gone = {"id": story.at_stripe(bought)["items"]["data"][0]["id"], "deleted": True}
    items = [{"price": price.id, "quantity": quantity}, gone]
    story.shop.v1.subscriptions.update(bought.id, {"items": items, "proration_behavior": proration})


def pay(story: Story, bought: Any) -> None:
    """The open invoice is paid, with a card that works."""
    story.shop.change_card(bought.customer, GOOD)
    story.shop.v1.invoices.pay(story.at_stripe(bought)["latest_invoice"])
    story.happens(bought, "invoice.paid")


def bought_by_invoice(story: Story) -> Any:
    """A month that was paid by an invoice that was sent."""
    bought = story.buy(story.customer(), collection_method="send_invoice", days_until_due=14)
    pay(story, bought)
    return bought


@pytest.mark.parametrize("product", ["1", "2"])
def test_the_key_works_on_while_the_invoice_for_its_successor_is_open(story: Story, product: str) -> None:
    make_product(story.vendor)
    bought = bought_by_invoice(story)
    key = story.the_key().key
    replace(story, bought, story.plan(PRO, 4900, product))
    assert story.at_stripe(bought)["status"] == "active"
    story.happens(bought)
    assert (story.the_key().key, story.the_key().block, story.the_key().f2) == (key, False, False)

    pay(story, bought)
    works = [each for each in story.licenses() if not each.block]
    assert [(each.product_id, each.f2) for each in works] == [(int(product), True)]
    assert (works[0].key == key) == (product == "1")


def test_who_paid_gets_the_key_that_was_paid_for_though_its_item_is_replaced_before_we_look(story: Story) -> None:
    bought = story.buy(story.customer(), quantity=2)
    end = story.paid_until(bought)
    story.shop.change_card(bought.customer, BAD)
    replace(story, bought, story.plan(PRO, 4900), quantity=100)
    assert story.at_stripe(bought)["status"] == "past_due"
    story.happens(bought)
    story.happens(bought)

    keys = story.licenses()
    assert [(key.block, key.f2, key.expires_at) for key in keys] == [(False, False, end + GRACE)] * 2
    assert story.purchase(bought).state == "served"

    replace(story, bought, story.plan(PRO, 4900), "none", quantity=2)
    pay(story, bought)
    assert [(key.key, key.block, key.f2) for key in story.licenses()] == [(key.key, False, True) for key in keys]


def test_a_successor_that_has_the_key_already_keeps_the_only_one_when_its_first_bill_fails(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    replace(story, bought, story.plan(PRO, 4900), "create_prorations")
    story.happens(bought)
    story.shop.change_card(bought.customer, BAD)
    story.move(days=32)
    assert story.at_stripe(bought)["status"] == "past_due"
    story.happens(bought)

    assert (story.the_key().block, story.the_key().f2) == (False, True)


def test_another_thing_on_the_bill_is_paid_and_ours_is_not_yet(story: Story) -> None:
    bought = story.buy(story.customer(), story.plan(product=""))
    story.shop.change_card(bought.customer, BAD)
    ours = {"items": [{"price": story.plan().id}], "proration_behavior": "always_invoice"}
    story.shop.v1.subscriptions.update(bought.id, ours)
    story.happens(bought)

    assert (story.purchase(bought).state, story.licenses()) == ("waiting", [])
    story.move(minutes=6)
    assert watching.charged(story.vendor_id) == []

    pay(story, bought)
    assert not story.the_key().block
    assert story.purchase(bought).state == "served"


def line(item: str, quantity: int, amount: int, start: int) -> dict[str, Any]:
    """A line of an invoice for the time from a day of the month to its end."""
    return {
        "amount": amount,
        "quantity": quantity,
        "period": {"start": start * 86400, "end": 31 * 86400},
        "pricing": {"price_details": {"price": "price_1"}},
        "parent": {"subscription_item_details": {"subscription_item": item}},
    }


def test_of_what_one_bill_charged_and_gave_back_the_last_change_stands() -> None:
    # In Stripe's order: what is newest comes first.
    newest_first = [
        line("si_3", 3, 700, 20),
        line("si_2", 1, -800, 20),
        line("si_1", 3, 900, 15),
        line("si_1", 2, -600, 15),
        line("si_2", 1, 1000, 10),
        line("si_1", 2, 1200, 10),
        line("si_1", 1, -600, 10),
    ]
    bill = read_invoice({"id": "in_1", "lines": {"data": newest_first}})

    assert {each.item_id: each.quantity for each in bill.standing_lines} == {"si_1": 3, "si_3": 3}
    assert set(bill.periods) == {"si_1", "si_2", "si_3"}


def test_what_was_paid_and_replaced_before_we_looked_extends_the_key_that_is_there(story: Story) -> None:
    """A worker that was away: one plan became another, which was paid, and then a third one whose payment is open."""
    bought = story.buy(story.customer())
    story.happens(bought)
    key = story.the_key().key
    replace(story, bought, story.plan(PRO, 4900))
    story.move(days=32)
    end = story.paid_until(bought)
    story.shop.change_card(bought.customer, BAD)
    replace(story, bought, story.plan("", 9900))
    story.happens(bought)

    license = story.the_key()
    assert (license.key, license.block, license.f2, license.expires_at) == (key, False, True, end + GRACE)


def test_what_was_paid_for_last_takes_the_place_of_another_product_that_was_paid_for_before(story: Story) -> None:
    """A worker that was away: one product became another, which was paid, and then a third thing that is not."""
    make_product(story.vendor)
    bought = story.buy(story.customer(), quantity=3)
    story.happens(bought)
    replace(story, bought, story.plan(PRO, 4900, "2"), quantity=3)
    story.shop.change_card(bought.customer, BAD)
    story.move(minutes=5)
    update = {"pause_collection": {"behavior": "void"}}
    story.shop.v1.subscriptions.update(bought.id, update)
    replace(story, bought, story.plan("", 9900), quantity=3)
    story.happens(bought)

    assert [key.product_id for key in story.licenses() if not key.block] == [2] * 3
