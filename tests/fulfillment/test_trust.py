"""Nobody gets what somebody else has paid for: forged references, old claim links, other installations' numbers."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from portal import clock
from portal.billing import gateway, stripe_customers
from portal.billing import service as billing
from portal.billing.models import StripeCustomer, Subscription
from portal.customers.models import Customer
from portal.errors import Conflict
from portal.extensions import db
from portal.fulfillment import seeds, unclaimed
from portal.fulfillment import service as fulfillment
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.fulfillment.story import Story, work_once
from tests.fulfillment.test_links import PAYER, bought_with, link, order, visit
from tests.support.mailbox import sent_mails
from tests.support.page import Page

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


@pytest.fixture
def neighbor(globex: Vendor, key: str) -> Vendor:
    """Another vendor with the same Stripe account, as two installations may have; its numbers are other people."""
    factories.make_product(globex)
    billing.set_account(globex, api_key=key)
    seeds.instance_of(globex.id)
    db.session.commit()
    return globex


def known_at(vendor_id: int) -> list[tuple[int | None, str | None]]:
    """Whose counterpart which Stripe customer is, and whose each subscription, at a vendor."""
    db.session.rollback()
    people = select(StripeCustomer.customer_id, StripeCustomer.stripe_id).filter_by(vendor_id=vendor_id)
    paid = select(Subscription.customer_id, Subscription.stripe_id).filter_by(vendor_id=vendor_id)
    return [tuple(row) for row in db.session.execute(people.union_all(paid))]


def test_numbers_of_another_installation_are_nobody_here(story: Story, neighbor: Vendor) -> None:
    neighbor_id, mine = neighbor.id, story.customer()
    assert factories.make_customer(neighbor).id == mine.id
    seeds.instance_of(story.vendor_id)
    intent = stripe_customers.intend(story.vendor, mine.id)
    db.session.commit()
    buyer = story.shop.customer(mine, metadata=intent.params["metadata"])
    assert stripe_customers.keep(intent, stripe_customers.make(intent)) == buyer.id
    db.session.commit()
    bought = story.buy(buyer=buyer)
    story.happens(bought)

    billing.sync(vendors.get(neighbor_id))
    read = gateway.retrieve_customer(story.source().connection, buyer.id)
    billing.record_customer(neighbor_id, read, False, clock.now())
    facts = story.read(bought.id)
    outcome = fulfillment.apply(neighbor_id, facts)
    db.session.commit()

    assert (known_at(neighbor_id), outcome.state) == ([], "foreign")
    assert story.the_key().vendor_id == story.vendor_id
    by_hand = story.buy(buyer=buyer)  # at the dashboard, before anybody marks it
    assert fulfillment.apply(neighbor_id, story.read(by_hand.id)).state == "foreign"
    db.session.rollback()


def test_of_all_who_claim_at_once_one_gets_the_key(story: Story) -> None:
    bought = story.buy(buyer=story.shop.customer(email=PAYER))
    story.tell(bought)
    assert work_once() is True
    (mail,) = sent_mails(PAYER)
    pages = []
    for _ in range(4):
        pages.append(Page(story.app).sign_in(factories.make_user(), vendor=story.vendor))
        pages[-1].get(mail.links[0], status=303).follow()
    start, answers = threading.Barrier(5), []

    def claim(page: Page) -> None:
        fields = {"auth": page.soup.select_one("[name=auth]")["value"], "customer": "new"}
        fields["csrf_token"] = page.find_form().select_one("[name=csrf_token]")["value"]
        start.wait()
        answers.append(page.client.post("/Portal/@acme.example/Claim", data=fields).status_code)

    def bind(vendor_id: int, customer_id: int) -> None:
        with story.app.app_context():
            start.wait()
            try:
                unclaimed.bind(vendor_id, bought.id, customer_id)
                db.session.commit()
                answers.append(303)
            except Conflict:
                answers.append(409)
            db.session.remove()

    theirs = story.customer().id
    db.session.rollback()
    threads = [threading.Thread(target=claim, args=[page]) for page in pages]
    threads.append(threading.Thread(target=bind, args=[story.vendor_id, theirs]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    story.work()

    assert sorted(answers) == [303, 409, 409, 409, 409]
    assert story.purchase(bought).customer_id == story.the_key().customer_id
    others = db.session.scalar(select(func.count()).select_from(Customer))
    assert others == (1 if story.the_key().customer_id == theirs else 2)
