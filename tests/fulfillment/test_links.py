"""Sales that begin at Stripe: payment links, and pages like a pricing table or a buy button."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from sqlalchemy import select

from portal.billing.models import Order, StripeCustomer
from portal.extensions import db
from portal.fulfillment import references
from tests.fulfillment.story import Story

PAYER = "payer@example.com"


def visit(story: Story, address: str, reference: str = "") -> str:
    """Somebody opens a link at Stripe, and pays; the checkout's id."""
    answer = requests.get(address, {"client_reference_id": reference}, allow_redirects=False, timeout=10)
    session = answer.headers["Location"].rpartition("/")[2]
    story.do("pay", session)
    story.tell_of("checkout.session.completed", {"id": session})
    return session


def link(story: Story, price: Any, **more: Any) -> str:
    """A payment link of the vendor's."""
    items = [{"price": price.id, "quantity": 1}]
    return str(story.shop.v1.payment_links.create({"line_items": items, **more}).url)


def order(story: Story, price: Any, **more: Any) -> Order:
    """An order of ours that was never paid; the customer has the address that payers give at the sandbox."""
    customer = story.customer(email=more.pop("email", PAYER))
    given = {"mode": "subscription", "livemode": False, "state": "open", **more}
    made = Order(vendor_id=story.vendor_id, id="order_0123456789", customer_id=customer.id, price_id=price.id, **given)
    db.session.add(made)
    db.session.commit()
    return made


def bought_with(story: Story, session: str) -> Any:
    """The subscription of a checkout."""
    return story.shop.v1.checkout.sessions.retrieve(session, {"expand": ["subscription"]}).subscription


@pytest.mark.parametrize("recurring", [True, False])
def test_a_link_without_any_hint_is_unclaimed(story: Story, recurring: bool) -> None:
    price = story.plan() if recurring else story.once()
    session = visit(story, link(story, price))
    purchase = story.purchase(bought_with(story, session) if recurring else story.session(session))

    assert (purchase.state, purchase.reason, purchase.email) == ("unclaimed", "no_customer", PAYER)


def test_the_reference_in_the_address_names_the_order_and_our_ids_are_written_back(story: Story) -> None:
    price = story.plan()
    mine = order(story, price).customer_id
    bought = bought_with(story, visit(story, link(story, price), "order_0123456789"))

    assert story.the_key().customer_id == mine
    found = story.shop.v1.subscriptions.retrieve(bought.id, {"expand": ["customer"]}).to_dict()
    assert found["metadata"]["skm_customer_id"] == str(mine)
    assert found["customer"]["metadata"]["skm_customer_id"] == str(mine)


def test_what_is_written_on_the_stripe_customer_serves_the_next_purchase(story: Story) -> None:
    price = story.plan()
    mine = order(story, price).customer_id
    bought = bought_with(story, visit(story, link(story, price), "order_0123456789"))
    story.tell_of("customer.updated", {"id": bought.customer})
    counterpart = db.session.scalars(select(StripeCustomer)).one()
    assert (counterpart.customer_id, counterpart.stripe_id) == (mine, bought.customer)

    again = story.shop.v1.subscriptions.create(
        {
            "customer": bought.customer,
            "items": [{"price": price.id}],
            "default_payment_method": bought.default_payment_method,
        }
    )
    story.happens(again)
    assert [license.customer_id for license in story.licenses()] == [mine, mine]


@pytest.mark.parametrize("wrong", ["order_of_nobody", "another price", "other mode", "User/42"])
def test_a_reference_is_a_claim_and_no_proof(story: Story, wrong: str) -> None:
    price = story.plan()
    order(story, story.plan() if wrong == "another price" else price, livemode=wrong == "other mode")
    reference = wrong if wrong in ("order_of_nobody", "User/42") else "order_0123456789"
    bought = bought_with(story, visit(story, link(story, price), reference))

    assert (story.licenses(), story.purchase(bought).reason) == ([], "no_customer")


@pytest.mark.parametrize("recurring", [True, False])
def test_the_reference_of_a_customers_page_makes_the_purchase_theirs(story: Story, recurring: bool) -> None:
    price, customer = story.plan() if recurring else story.once(), story.customer(email=PAYER.upper())
    db.session.commit()
    visit(story, link(story, price), references.reference_of(story.vendor_id, customer.id))

    assert story.the_key().customer_id == customer.id


@pytest.mark.parametrize("wrong", ["address", "customer", "digest", "vendor"])
def test_a_reference_is_worth_nothing_with(story: Story, wrong: str) -> None:
    mine, other = story.customer(email="other@mail.example" if wrong == "address" else PAYER), story.customer()
    db.session.commit()
    reference = references.reference_of(story.vendor_id + (wrong == "vendor"), mine.id)
    if wrong == "customer":
        reference = reference.replace(f"customer_{mine.id}_", f"customer_{other.id}_")
    if wrong == "digest":
        reference = reference[:-1] + ("0" if reference[-1] != "0" else "1")
    bought = bought_with(story, visit(story, link(story, story.plan()), reference))

    assert (story.licenses(), story.purchase(bought).reason) == ([], "no_customer")


def test_a_reference_does_not_take_a_known_customer_to_somebody_else(story: Story) -> None:
    price, payer = story.plan(), story.customer()
    order(story, price)
    counterpart = story.shop.customer(payer)
    story.happens(story.buy(buyer=counterpart, price=price))
    session = story.shop.v1.checkout.sessions.create(
        {
            "line_items": [{"price": price.id, "quantity": 1}],
            "mode": "subscription",
            "customer": counterpart.id,
            "client_reference_id": "order_0123456789",
            "success_url": "https://acme.example/thanks",
        }
    )
    story.do("pay", session.id)
    story.tell_of("checkout.session.completed", {"id": session.id})

    assert [license.customer_id for license in story.licenses()] == [payer.id, payer.id]


def test_a_pricing_table_sells_with_the_reference_alone(story: Story) -> None:
    price = story.plan()
    mine = order(story, price).customer_id
    account = story.shop.v1.accounts.retrieve_current().id
    address = f"{story.sandbox.url}/pricing/{account}"
    given = {"client_reference_id": "order_0123456789"}
    answer = requests.post(address, {"price": price.id}, params=given, allow_redirects=False, timeout=10)
    session = answer.headers["Location"].rpartition("/")[2]
    story.do("pay", session)
    story.tell_of("checkout.session.completed", {"id": session})

    assert story.the_key().customer_id == mine


def test_a_product_of_ours_may_stand_on_the_price_alone(story: Story) -> None:
    price = story.plan('{"ProductId": 1, "F4": true}', product="")
    story.happens(story.buy(story.customer(), price))

    assert story.the_key().active_features == ["f4"]
