"""What customers read about what they bought: several keys of one subscription, and why a key is blocked."""

from __future__ import annotations

from typing import Any

import pytest

from portal.account.models import User
from portal.billing.models import Subscription
from portal.customers.models import Customer
from portal.extensions import db
from portal.vendors import service as vendors
from tests.billing.buying import BASE, Buyer
from tests.factories import make_association, make_customer, make_license
from tests.fulfillment.test_replaced import BAD


@pytest.fixture
def customer(buyer: Buyer) -> Buyer:
    """Somebody who buys, of a vendor with an address for questions, whose events arrive."""
    buyer.story.trust()
    vendors.set_switch(buyer.story.vendor, "support_email", "help@acme.example")
    db.session.commit()
    return buyer


def bought(buyer: Buyer, price: str, **typed: Any) -> str:
    """A purchase, paid and come back from: the subscription or checkout at Stripe."""
    buyer.pay(buyer.buy(price, **typed))
    buyer.page.get(f"{BASE}Billing/Return?order={buyer.orders()[-1].id}")
    return buyer.orders()[-1].stripe_id


def charge_of(buyer: Buyer, stripe_id: str) -> str:
    """The charge that paid for a purchase."""
    api = buyer.story.shop.v1
    if stripe_id.startswith("sub_"):
        return buyer.story.charge_of(api.subscriptions.retrieve(stripe_id))
    intent = api.checkout.sessions.retrieve(stripe_id).payment_intent
    return str(api.payment_intents.retrieve(intent).latest_charge)


def money_goes_back(buyer: Buyer, stripe_id: str, deed: str) -> None:
    """The charge is refunded or disputed, and the portal hears of it."""
    charge = charge_of(buyer, stripe_id)
    intent = buyer.story.shop.v1.charges.retrieve(charge).payment_intent
    buyer.story.do(deed, charge)
    buyer.story.move(minutes=1)
    kind = "charge.refunded" if deed == "refund" else "charge.dispute.created"
    buyer.story.tell_of(kind, {"id": charge, "payment_intent": intent})
    assert buyer.story.the_key().block


def states(buyer: Buyer) -> list[str]:
    """The states of the purchases under Billing."""
    return [one.get_text() for one in buyer.page.get(f"{BASE}Billing").soup.select("td .b")]


@pytest.mark.parametrize(("deed", "state"), [("refund", "Refunded"), ("dispute", "Disputed")])
@pytest.mark.parametrize("kind", ["plan", "once"])
def test_money_that_went_back_is_said_with_the_reason_and_whom_to_ask(
    customer: Buyer, kind: str, deed: str, state: str
) -> None:
    stripe_id = bought(customer, getattr(customer, kind)())
    assert states(customer) == ["Paid"]
    money_goes_back(customer, stripe_id, deed)
    reason = "the payment was refunded" if state == "Refunded" else "the payment is disputed at the bank"

    assert states(customer) == [state]
    pages = [f"{BASE}Licenses", f"{BASE}Licenses/{customer.story.the_key().global_id}"]
    for path in [*pages, f"{BASE}Billing"] if kind == "plan" else pages:
        card = customer.page.get(path).soup.select_one("main .card")
        assert card is not None
        assert f"The key is blocked: {reason}." in card.get_text()
        assert card.select('a[href="mailto:help@acme.example"]')
        assert "whatever happens" not in card.get_text()
        assert "the key works until" not in card.get_text()


def test_the_page_of_a_purchase_whose_money_went_back_thanks_nobody(customer: Buyer) -> None:
    stripe_id = bought(customer, customer.once())
    path = f"{BASE}Billing/Return?order={customer.orders()[-1].id}"
    assert "Thank you!" in customer.page.get(path).text
    money_goes_back(customer, stripe_id, "refund")

    page = customer.page.get(path)
    assert page.soup.h1.get_text() == "The license is blocked"
    assert "The key is blocked: the payment was refunded." in page.text
    assert page.soup.select('main a[href="mailto:help@acme.example"]')
    assert "Thank you!" not in page.text
    assert customer.story.the_key().key not in page.text


def test_a_refund_is_still_said_after_the_subscription_was_ended(customer: Buyer) -> None:
    stripe_id = bought(customer, customer.plan())
    money_goes_back(customer, stripe_id, "refund")
    customer.story.shop.v1.subscriptions.cancel(stripe_id)
    customer.story.move(minutes=1)
    customer.story.tell_of("customer.subscription.deleted", {"id": stripe_id, "object": "subscription"})

    assert states(customer) == ["Refunded"]
    assert "the payment was refunded" in customer.page.get(f"{BASE}Licenses").text


def test_a_free_trial_is_not_called_paid(customer: Buyer) -> None:
    bought(customer, customer.plan(metadata={"latchkey_trial_days": "14"}))
    assert states(customer) == ["Free trial"]


def test_an_ended_subscription_says_so_on_the_card(customer: Buyer) -> None:
    stripe_id = bought(customer, customer.plan())
    customer.story.shop.v1.subscriptions.cancel(stripe_id)
    customer.story.move(minutes=1)
    customer.story.tell_of("customer.subscription.deleted", {"id": stripe_id, "object": "subscription"})
    assert "The key is blocked: the subscription has ended." in customer.page.get(f"{BASE}Licenses").text


def test_a_block_by_staff_has_no_reason_but_an_address(customer: Buyer) -> None:
    bought(customer, customer.plan())
    key = customer.story.the_key()
    key.block = True
    db.session.commit()
    for path in (f"{BASE}Licenses", f"{BASE}Licenses/{key.global_id}", f"{BASE}Billing"):
        page = customer.page.get(path)
        assert "The key is blocked, whatever happens to the subscription." in page.text
        assert page.soup.select('main a[href="mailto:help@acme.example"]')
        assert "The key is blocked:" not in page.text


def test_each_key_of_a_subscription_is_shown_with_it(customer: Buyer) -> None:
    price = customer.plan(metadata={"latchkey_trial_days": "14"})
    bought(customer, price, quantity="3")
    make_license(customer.story.vendor, customer=None)
    keys = [one.global_id for one in customer.story.licenses() if one.customer_id]
    assert len(keys) == 3

    cards = customer.page.get(f"{BASE}Licenses").soup.select("article.card")
    details = [customer.page.get(f"{BASE}Licenses/{number}").soup.select_one("main") for number in keys]
    for place in [*cards, *details]:
        text = " ".join(place.get_text(" ").split())  # type: ignore[union-attr]
        assert "$57.00 per month · free trial until" in text
        assert "one of 3 in this subscription" in text
        assert [one.get_text() for one in place.select(".b.i")] == ["Subscription"]  # type: ignore[union-attr]
    assert len(cards) == 3


def test_a_key_that_a_lower_quantity_took_away_is_no_part_of_the_subscription(customer: Buyer) -> None:
    stripe_id = bought(customer, customer.plan(), quantity="3")
    item = customer.story.shop.v1.subscriptions.retrieve(stripe_id)["items"].data[0].id
    customer.story.shop.v1.subscriptions.update(stripe_id, {"items": [{"id": item, "quantity": 2}]})
    customer.story.move(minutes=1)
    customer.story.tell_of("customer.subscription.updated", {"id": stripe_id, "object": "subscription"})

    cards = customer.page.get(f"{BASE}Licenses").soup.select("article.card")
    assert ["one of 2 in this subscription" in one.get_text() for one in cards] == [False, True, True]
    assert "the subscription covers fewer keys now" in cards[0].get_text()
    assert not cards[0].select(".b.i, .sub")


def test_one_key_with_several_machines_is_the_only_one(customer: Buyer) -> None:
    bought(customer, customer.plan('{"quantity": "machines"}'), quantity="5")
    assert "in this subscription" not in customer.page.get(f"{BASE}Licenses").text


def test_keys_of_a_subscription_of_another_customer_show_nothing_of_it(customer: Buyer) -> None:
    bought(customer, customer.plan(), quantity="2")
    other = customer.story.customer()
    for subscription in db.session.query(Subscription):
        subscription.customer_id = other.id
    db.session.commit()
    customer.page.get(f"{BASE}Licenses")
    assert len(customer.page.soup.select("article.card")) == 2
    assert not customer.page.soup.select(".sub, .b.i")
    for license in customer.story.licenses():
        assert "per month" not in customer.page.get(f"{BASE}Licenses/{license.global_id}").text


def time_goes_by(customer: Buyer, days: int) -> None:
    """The session is over by then."""
    customer.story.move(days=days)
    customer.page.sign_in(db.session.get_one(User, customer.user_id))


def steps_on_plans(customer: Buyer) -> list[dict[str, str]]:
    """The forms on the plans page that lead to Stripe's billing portal."""
    forms = customer.page.get(f"{BASE}Plans").soup.select(f'main form[action="{BASE}Billing/Portal"]')
    inputs = [one.select("input:not([name=csrf_token])") for one in forms]
    return [{str(field["name"]): str(field["value"]) for field in fields} for fields in inputs]


def test_who_has_a_subscription_is_led_to_changing_it_and_may_buy_another(customer: Buyer) -> None:
    """Another plan of the same product would be a second subscription, and both would be charged."""
    price = customer.plan()
    assert steps_on_plans(customer) == []
    stripe_id = bought(customer, price)
    yearly = customer.plan(recurring={"interval": "year"}, amount=19000)

    assert steps_on_plans(customer) == [{"subscription": stripe_id, "flow": "subscription_update"}]
    assert "buying here makes a second one" in customer.page.text
    assert customer.page.soup.select(f'input[name=price][value="{yearly}"]')
    customer.page.submit({}, form=f'main form[action="{BASE}Billing/Portal"]', status=303)
    assert customer.page.location.startswith("http://127.0.0.1")
    customer.story.shop.v1.subscriptions.cancel(stripe_id)
    customer.story.move(minutes=1)
    customer.story.tell_of("customer.subscription.deleted", {"id": stripe_id, "object": "subscription"})
    assert steps_on_plans(customer) == []


@pytest.mark.parametrize("days", [32, 40])
def test_who_owes_a_bill_is_led_to_paying_it_before_buying(customer: Buyer, days: int) -> None:
    stripe_id = bought(customer, customer.plan())
    api = customer.story.shop.v1
    card = api.payment_methods.attach(BAD, {"customer": str(api.subscriptions.retrieve(stripe_id).customer)})
    api.subscriptions.update(stripe_id, {"default_payment_method": card.id})
    time_goes_by(customer, days)
    customer.story.tell_of("customer.subscription.updated", {"id": stripe_id, "object": "subscription"})

    assert steps_on_plans(customer) == [{"subscription": stripe_id, "flow": "payment_method_update"}]
    assert "A bill of the subscription that you have is not paid." in customer.page.text


def test_a_trial_that_was_canceled_is_still_called_one(customer: Buyer) -> None:
    stripe_id = bought(customer, customer.plan(metadata={"latchkey_trial_days": "14"}), quantity="2")
    customer.story.shop.v1.subscriptions.cancel(stripe_id)
    customer.story.move(minutes=1)
    customer.story.tell_of("customer.subscription.deleted", {"id": stripe_id, "object": "subscription"})

    assert states(customer) == ["Free trial"]


def test_what_follows_a_trial_is_called_paid(customer: Buyer) -> None:
    stripe_id = bought(customer, customer.plan(metadata={"latchkey_trial_days": "14"}), quantity="2")
    items = customer.story.shop.v1.subscriptions.retrieve(stripe_id).to_dict()["items"]["data"]
    customer.story.shop.v1.subscriptions.update(stripe_id, {"items": [{"id": items[0]["id"], "quantity": 1}]})
    customer.story.tell_of("customer.subscription.updated", {"id": stripe_id, "object": "subscription"})
    time_goes_by(customer, 15)
    customer.story.tell_of("customer.subscription.updated", {"id": stripe_id, "object": "subscription"})

    assert states(customer) == ["Paid"]


def test_records_of_one_name_are_told_apart_and_the_page_says_where_the_mail_goes(customer: Buyer) -> None:
    price, mine = customer.plan(), db.session.get_one(Customer, (customer.story.vendor_id, customer.customer_id))
    second = make_customer(customer.story.vendor, name=mine.name, email="office@acme.example")
    make_association(db.session.get_one(User, customer.user_id), second)
    options = [one.get_text() for one in customer.page.get(f"{BASE}Plans").soup.select("option")]
    assert f"{mine.name} (office@acme.example, #{second.id})" in options
    assert len(set(options)) == 2

    bought(customer, price, customer=str(second.id))
    assert "We have sent it to office@acme.example too." in customer.page.text
