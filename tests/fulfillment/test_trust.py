"""Nobody gets what somebody else has paid for: forged references, old claim links, other installations' numbers."""

from __future__ import annotations

from sqlalchemy import select

from portal.billing.models import Subscription
from portal.extensions import db
from portal.fulfillment import unclaimed
from portal.vendors import service as vendors
from tests import factories
from tests.fulfillment.story import Story, work_once
from tests.fulfillment.test_links import PAYER, bought_with, link, order, visit
from tests.support.mailbox import sent_mails

ORDER = "order_0123456789"


def test_a_link_spread_with_a_strangers_order_gives_the_stranger_nothing(story: Story) -> None:
    price = story.plan()
    order(story, price, email="stranger@mail.example")
    bought = bought_with(story, visit(story, link(story, price), ORDER))

    assert (story.licenses(), story.purchase(bought).reason) == ([], "no_customer")
    assert db.session.scalars(select(Subscription.customer_id)).all() == [None]
    assert story.shop.v1.customers.retrieve(bought.customer).metadata.to_dict() == {}


def test_a_payer_may_give_the_address_of_the_account_that_ordered(story: Story) -> None:
    price, user = story.plan(), factories.make_user(email=PAYER)
    mine = order(story, price, email="office@mail.example", user_id=user.id).customer_id
    visit(story, link(story, price), ORDER)

    assert story.the_key().customer_id == mine


def test_a_claim_link_dies_when_stripe_gets_another_address(story: Story) -> None:
    bought = story.buy(buyer=story.shop.customer(email="mistyped@mail.example"))
    story.tell(bought)
    assert work_once() is True
    (wrong,) = sent_mails("mistyped@mail.example")
    story.shop.v1.customers.update(bought.customer, {"email": PAYER})
    story.tell_of("customer.updated", {"id": bought.customer})
    unclaimed.mail_link(vendors.profile_of(story.vendor), bought.id)
    db.session.commit()
    (right,) = sent_mails(PAYER)

    story.page.get(wrong.links[0], status=410)
    assert "expired" in story.page.text
    story.page.get(right.links[0])
    assert "Claim your payment" in story.page.text
