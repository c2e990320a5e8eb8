"""The life of a subscription as `docs/fulfillment.md` tells it: each row happens, and the key is looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal import clock
from portal.vendors import service as vendors
from tests.docs import documents
from tests.factories import make_product
from tests.fulfillment.story import GRACE, Story

BAD, GOOD = "pm_card_chargeCustomerFail", "pm_card_visa"
DOCUMENT = documents.get("docs/fulfillment.md")


def served(story: Story, **more: Any) -> Any:
    """A subscription with its key."""
    bought = story.buy(story.customer(), **more)
    story.happens(bought)
    assert works(story, bought)
    return bought


def works(story: Story, bought: Any) -> bool:
    """Whether the one key works, to the end of what Stripe shows as the period and the days of grace."""
    key = story.the_key()
    return not key.block and key.expires_at == story.paid_until(bought) + GRACE


def update(story: Story, bought: Any, **change: Any) -> None:
    """Something is changed at Stripe, and Stripe tells of it."""
    story.shop.v1.subscriptions.update(bought.id, change)
    story.happens(bought)


def item_of(story: Story, bought: Any, **change: Any) -> list[dict[str, Any]]:
    """The only item, changed."""
    return [{"id": story.at_stripe(bought)["items"]["data"][0]["id"], **change}]


def fails(story: Story, bought: Any) -> None:
    """The card is refused at the renewal."""
    story.shop.change_card(bought.customer, BAD)
    left = story.paid_until(bought) - clock.now()  # months differ, and days of grace are few
    story.move(seconds=int(left.total_seconds()) + 86_400)
    assert story.at_stripe(bought)["status"] == "past_due"
    story.happens(bought)


def pays(story: Story, bought: Any) -> None:
    """The open invoice is paid with another card."""
    story.shop.change_card(bought.customer, GOOD)
    story.shop.v1.invoices.pay(story.at_stripe(bought)["latest_invoice"])
    story.happens(bought, "invoice.paid")


def refunded(story: Story, policy: str, **given: Any) -> bool:
    """Money goes back under a policy; whether the key is blocked then."""
    vendors.set_switch(story.vendor, "refund_policy", policy)
    bought = served(story)
    story.do("refund", story.charge_of(bought), **given)
    story.happens(bought)
    return story.the_key().block


def disputed(story: Story, policy: str = "suspend", end: str = "") -> bool:
    """The payment is disputed under a policy, and settled; whether the key is blocked then."""
    vendors.set_switch(story.vendor, "dispute_policy", policy)
    bought = served(story)
    dispute = story.do("dispute", story.charge_of(bought))
    story.happens(bought)
    if end:
        assert story.the_key().block
        story.do(end, dispute["id"])
        story.happens(bought)
    return story.the_key().block


def a_trial(story: Story) -> None:
    bought = served(story, trial_period_days=14)
    assert story.paid_until(bought) - clock.now() <= timedelta(days=14)
    story.move(days=15)
    story.happens(bought)
    assert story.at_stripe(bought)["status"] == "active" and works(story, bought)


def a_renewal(story: Story) -> None:
    bought = served(story)
    before = story.the_key().expires_at
    story.move(days=32)
    story.happens(bought)
    assert works(story, bought) and story.the_key().expires_at > before


def another_plan(story: Story) -> None:
    bought = served(story, price=story.plan('{"F1": true, "MaxNoOfMachines": 2}'))
    better = story.plan('{"F2": true, "MaxNoOfMachines": 5}')
    update(story, bought, items=item_of(story, bought, price=better.id))
    assert (story.the_key().active_features, story.the_key().max_no_of_machines) == (["f2"], 5)


def another_product(story: Story) -> None:
    make_product(story.vendor)
    bought = served(story)
    update(story, bought, items=item_of(story, bought, price=story.plan(product="2").id))
    assert [(key.product_id, key.block) for key in story.licenses()] == [(1, True), (2, False)]


def more_units(story: Story) -> None:
    bought = served(story)
    for quantity in (3, 1, 2):
        update(story, bought, items=item_of(story, bought, quantity=quantity))
    assert [key.block for key in story.licenses()] == [False, False, True]


def fewer_units(story: Story) -> None:
    bought = served(story, price=story.plan('{"quantity": "machines"}'), quantity=5)
    update(story, bought, items=item_of(story, bought, quantity=3))
    assert story.the_key().max_no_of_machines == 3


def an_open_upgrade(story: Story) -> None:
    bought = served(story)
    story.shop.change_card(bought.customer, BAD)
    how = {"payment_behavior": "pending_if_incomplete", "proration_behavior": "always_invoice"}
    update(story, bought, items=item_of(story, bought, quantity=2), **how)
    assert works(story, bought)
    pays(story, bought)
    assert len(story.licenses()) == 2


def a_replaced_item(story: Story) -> None:
    bought = served(story)
    story.shop.change_card(bought.customer, BAD)
    items = [{"price": story.plan('{"F2": true}').id}, *item_of(story, bought, deleted=True)]
    update(story, bought, items=items, proration_behavior="always_invoice")
    assert works(story, bought) and not story.the_key().f2
    pays(story, bought)
    assert works(story, bought) and story.the_key().f2


def a_failed_renewal(story: Story) -> None:
    bought = served(story)
    before = story.the_key().expires_at
    fails(story, bought)
    assert (story.the_key().block, story.the_key().expires_at) == (False, before)
    assert before > clock.now()


def a_late_payment(story: Story) -> None:
    bought = served(story)
    fails(story, bought)
    story.move(days=6)
    assert story.the_key().expires_at < clock.now()
    pays(story, bought)
    assert works(story, bought)


def collection_paused(story: Story) -> None:
    bought = served(story)
    before = story.the_key().expires_at
    update(story, bought, pause_collection={"behavior": "void"})
    story.move(days=32)
    story.happens(bought)
    assert (story.the_key().block, story.the_key().expires_at) == (False, before)
    update(story, bought, pause_collection={"behavior": "mark_uncollectible"})
    story.move(days=31)
    story.happens(bought)
    assert works(story, bought)


def collection_resumed(story: Story) -> None:
    bought = served(story)
    update(story, bought, pause_collection={"behavior": "void"})
    story.move(days=32)
    update(story, bought, pause_collection="")
    story.move(days=31)
    story.happens(bought)
    assert works(story, bought)


def canceled_later(story: Story) -> None:
    bought = served(story)
    update(story, bought, cancel_at_period_end=True)
    assert works(story, bought)
    story.move(days=32)
    story.happens(bought, "customer.subscription.deleted")
    assert story.the_key().block


def taken_back(story: Story) -> None:
    bought = served(story)
    update(story, bought, cancel_at_period_end=True)
    update(story, bought, cancel_at_period_end=False)
    story.move(days=32)
    story.happens(bought)
    assert works(story, bought)


def canceled_now(story: Story) -> None:
    bought = served(story)
    story.shop.v1.subscriptions.cancel(bought.id)
    story.happens(bought, "customer.subscription.deleted")
    assert story.the_key().block


# what the document says happens → what is done here, and what then must be so
ROWS: dict[str, Callable[[Story], None]] = {
    "a trial begins, ends, is paid": a_trial,
    "renewal": a_renewal,
    "another plan of the same product": another_plan,
    "another product": another_product,
    "a higher quantity": more_units,
    "a lower quantity": fewer_units,
    "an upgrade whose payment is open (pending_update)": an_open_upgrade,
    "an item is replaced by another whose payment is open": a_replaced_item,
    "the renewal fails": a_failed_renewal,
    "it is paid later": a_late_payment,
    "collection is paused": collection_paused,
    "it is resumed": collection_resumed,
    "canceled at the end of the period, in either billing mode": canceled_later,
    "the cancellation is taken back": taken_back,
    "canceled at once": canceled_now,
}
MONEY: dict[str, Callable[[Story], bool]] = {
    "the whole last payment is refunded": lambda story: refunded(story, "block"),
    "a part is refunded": lambda story: not refunded(story, "block", amount=1),
    "a dispute is opened": lambda story: disputed(story),
    "the dispute is won": lambda story: not disputed(story, end="win"),
    "the dispute is lost": lambda story: disputed(story, end="lose"),
}
KEPT: dict[str, Callable[[Story], bool]] = {
    "refunded": lambda story: refunded(story, "keep"),
    "disputed": lambda story: disputed(story, "keep"),
}


@pytest.mark.sqlite_only
def test_every_row_of_the_document_is_here() -> None:
    assert [row[0] for row in DOCUMENT.rows("what happens", "the key")] == [*ROWS, *MONEY]


@pytest.mark.parametrize("row", ROWS)
def test_it_is_as_the_document_says(story: Story, row: str) -> None:
    ROWS[row](story)


@pytest.mark.parametrize("row", MONEY)
def test_money_that_goes_back(story: Story, row: str) -> None:
    assert MONEY[row](story)


@pytest.mark.parametrize("what", KEPT)
def test_a_vendor_may_be_kind(story: Story, what: str) -> None:
    assert not KEPT[what](story)


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_both_billing_modes_end_alike(story: Story, mode: str) -> None:
    bought = served(story, billing_mode={"type": mode})
    assert story.at_stripe(bought)["billing_mode"]["type"] == mode
    # As the billing portal does it: in flexible mode only `cancel_at` tells.
    update(story, bought, cancel_at=int(story.paid_until(bought).timestamp()))
    assert works(story, bought)
    story.move(days=32)
    story.happens(bought, "customer.subscription.deleted")
    assert story.the_key().block
