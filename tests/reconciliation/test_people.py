"""Customers at Stripe and ours."""

from __future__ import annotations

from tests.fulfillment.story import Story
from tests.reconciliation.desk import Desk


def metadata_of(story: Story, stripe_id: str) -> dict[str, str]:
    """What stands on a customer at Stripe."""
    return dict(story.shop.v1.customers.retrieve(stripe_id).to_dict()["metadata"])


def test_two_customers_at_stripe_with_one_address(story: Story, desk: Desk) -> None:
    ada = story.customer(email="ada@mail.example")
    buyer = story.shop.customer(ada)
    story.happens(story.buy(buyer=buyer))
    twin = story.shop.customer(email="Ada@mail.example")

    assert desk.compare() == {"duplicate_customers": 1}
    finding = desk.the("duplicate_customers")
    assert (finding.subject, finding.customer_id) == (buyer.id, ada.id)
    assert desk.evidence("duplicate_customers")["stripe"]["count"] == 2
    assert not desk.rehearse("duplicate_customers").takes_away

    desk.repair("duplicate_customers")

    assert metadata_of(story, twin.id) == {"skm_customer_id": str(ada.id), "latchkey_duplicate_of": buyer.id}
    assert desk.compare() == {}


def test_two_customers_at_stripe_for_one_of_ours(story: Story, desk: Desk) -> None:
    ada = story.customer()
    story.shop.customer(ada)
    story.shop.customer(ada, email="other@mail.example")

    assert desk.compare() == {"duplicate_customers": 1}


def test_customers_of_another_business_on_the_account_are_left_alone(story: Story, desk: Desk) -> None:
    story.shop.customer(email="guest@mail.example")
    story.shop.customer(email="guest@mail.example")

    assert desk.compare() == {}


def test_a_customer_number_that_nobody_has(story: Story, desk: Desk) -> None:
    ada = story.customer()
    stranger = story.shop.customer(metadata={"skm_customer_id": "4711"})

    assert desk.compare() == {"unknown_customer": 1}
    assert desk.the("unknown_customer").subject == stranger.id
    assert not desk.rehearse("unknown_customer").is_done
    desk.repair("unknown_customer", ada.id)

    assert metadata_of(story, stranger.id)["skm_customer_id"] == str(ada.id)
    assert desk.compare() == {}


def test_a_subscription_that_names_nobodys_number_is_known_by_its_purchase(story: Story, desk: Desk) -> None:
    ada = story.customer()
    bought = story.buy(ada)
    story.happens(bought)
    story.shop.v1.subscriptions.update(bought.id, {"metadata": {"skm_customer_id": "4711"}})

    assert desk.compare() == {"unknown_customer": 1}
    assert desk.the("unknown_customer").customer_id == ada.id
    desk.repair("unknown_customer")

    assert story.at_stripe(bought)["metadata"]["skm_customer_id"] == str(ada.id)
    assert desk.compare() == {}
