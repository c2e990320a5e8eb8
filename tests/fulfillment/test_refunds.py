"""Money that goes back: refunds and disputes, in whole and in part, of the month and of an upgrade within it."""

from __future__ import annotations

import pytest

from portal.billing import gateway
from tests.fulfillment.story import Story


def test_a_full_refund_blocks_and_a_partial_one_does_not(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    charge = story.charge_of(bought)
    intent = story.shop.v1.charges.retrieve(charge).payment_intent
    story.do("refund", charge, amount=500)
    story.tell_of("charge.refunded", {"id": charge, "payment_intent": intent})
    assert not story.the_key().block

    story.do("refund", charge, amount=1400)
    story.tell_of("refund.created", {"id": "re_1", "payment_intent": intent})
    assert story.the_key().block


@pytest.mark.parametrize("end", ["win", "lose"])
def test_a_dispute_suspends_until_it_is_won(story: Story, end: str) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    dispute = story.do("dispute", story.charge_of(bought))
    story.tell_of("charge.dispute.created", {"id": dispute["id"], "payment_intent": dispute["payment_intent"]})
    assert story.the_key().block

    story.do(end, dispute["id"])
    story.tell_of("charge.dispute.closed", {"id": dispute["id"], "payment_intent": dispute["payment_intent"]})
    assert story.the_key().block is (end == "lose")


def test_a_refunded_renewal_blocks_until_the_next_one_is_paid(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.move(days=32)
    story.happens(bought)
    charge = story.charge_of(bought)
    story.do("refund", charge)
    story.move(seconds=1)
    story.happens(bought)
    assert (story.the_key().block, story.purchase(bought).reason) == (True, "refunded")

    story.move(days=31)
    story.happens(bought)
    assert (story.the_key().block, story.purchase(bought).state) == (False, "served")


def test_a_refunded_upgrade_does_not_undo_the_month(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    story.move(days=10)
    change = {"items": [{"id": item, "price": story.plan(amount=4900).id}], "proration_behavior": "always_invoice"}
    story.shop.v1.subscriptions.update(bought.id, change)
    story.do("refund", story.charge_of(bought))
    story.happens(bought)

    paid = gateway.list_paid_invoices(story.source().connection, bought.id)
    assert len(paid) == 2
    assert not story.the_key().block


def test_a_checkout_that_is_refunded_in_full_blocks_its_key(story: Story) -> None:
    session = story.checkout(story.customer(), story.once())
    story.do("pay", session.id)
    story.tell_of("checkout.session.completed", {"id": session.id})
    intent = story.shop.v1.checkout.sessions.retrieve(session.id).payment_intent
    charge = story.shop.v1.payment_intents.retrieve(intent).latest_charge
    story.do("refund", charge)
    story.move(seconds=1)
    story.tell_of("charge.refunded", {"id": charge, "payment_intent": intent})

    assert story.the_key().block
