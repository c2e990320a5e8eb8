"""The account at Stripe, its clock, its outages and its changes. Rows 24 to 30."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock
from portal.extensions import db
from tests import factories
from tests.fulfillment.story import Story
from tests.webhooks import letters


def test_24_live_ids_in_a_test_installation_are_left_alone(story: Story) -> None:
    bought = story.buy(story.customer())
    story.tell(bought, livemode=True)
    assert [event.state for event in story.events()] == ["ignored"]
    assert story.apply(replace(story.read(bought.id), livemode=True)) == "foreign"
    assert story.licenses() == []


def test_25_the_customer_was_deleted_at_stripe(story: Story) -> None:
    buyer = story.shop.customer(story.customer())
    bought = story.buy(buyer=buyer)
    story.happens(bought)
    story.shop.v1.customers.delete(buyer.id)
    story.tell_of("customer.deleted", {"id": buyer.id})
    story.happens(bought, "customer.subscription.deleted")

    assert story.the_key().block


@pytest.mark.parametrize(("deed", "reason"), [("refund", "refunded"), ("dispute", "disputed")])
def test_26_the_refund_comes_before_the_grant(story: Story, deed: str, reason: str) -> None:
    bought = story.buy(story.customer())
    story.do(deed, story.charge_of(bought))
    story.happens(bought)

    assert (story.licenses(), story.purchase(bought).reason) == ([], reason)


def test_27_our_clock_is_off_and_staff_are_told(story: Story) -> None:
    bought = story.buy(story.customer())
    body = letters.event(shown={"id": bought.id})
    header = letters.signature(body)
    clock.move(timedelta(minutes=6))

    assert letters.deliver(story.page, body, story.vendor_id, header).status_code == 400
    assert "clock_fast" in story.diagnosed(quickly=True)
    story.sweep("fulfillment.sweep_all")
    assert story.the_key()


def test_28_pages_work_while_stripe_is_away(story: Story) -> None:
    user = factories.make_customer_user(story.vendor)
    buyer = db.session.scalars(select(factories.Customer)).one()
    story.happens(story.buy(buyer))
    story.tell(story.buy(story.customer()))
    story.accident("server_error", times=1000)
    story.page.sign_in(user, vendor=story.vendor)
    story.page.get(f"/Portal/@acme.example/Licenses/{story.the_key().global_id}")
    for _try in range(3):
        assert story.work().failed == 1
        clock.move(timedelta(minutes=2))
    assert [(event.state, event.attempts) for event in story.events()][1:] == [("received", 3)]

    story.calm_down()
    clock.move(timedelta(minutes=10))
    story.work()
    assert len(story.licenses()) == 2


def test_29_the_quantity_changed_between_event_and_handling(story: Story) -> None:
    bought = story.buy(story.customer())
    story.tell(bought)
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "quantity": 4}]})
    story.work()

    assert len(story.licenses()) == 4


def test_30_an_upgrade_that_is_not_applied_yet_counts_for_nothing(story: Story) -> None:
    customer = story.customer()
    bought = story.buy(customer)
    item = {"id": story.at_stripe(bought)["items"]["data"][0]["id"], "quantity": 4}
    story.shop.change_card(bought.customer, "pm_card_chargeCustomerFail")
    pending = {"payment_behavior": "pending_if_incomplete", "proration_behavior": "always_invoice"}
    story.shop.v1.subscriptions.update(bought.id, {"items": [item], **pending})
    assert story.at_stripe(bought)["pending_update"]["subscription_items"][0]["quantity"] == 4
    story.happens(bought)
    assert len(story.licenses()) == 1

    story.shop.change_card(bought.customer, "pm_card_visa")
    story.shop.v1.invoices.pay(story.at_stripe(bought)["latest_invoice"])
    story.happens(bought)
    assert (story.at_stripe(bought)["pending_update"], len(story.licenses())) == (None, 4)
