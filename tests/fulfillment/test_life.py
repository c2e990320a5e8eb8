"""From the payment to the key, and the life after it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import clock
from portal.extensions import db
from portal.fulfillment import seeds
from portal.licenses.keys import is_key
from portal.vendors import service as vendors
from tests.factories import make_license, make_product
from tests.fulfillment.story import GRACE, Story
from tests.support.mailbox import sent_mails


def test_a_payment_becomes_a_key(story: Story) -> None:
    customer = story.customer()
    bought = story.buy(customer, story.plan('{"F1": true, "F3": "true", "MaxNoOfMachines": 2, "Notes": "from Stripe"}'))
    story.happens(bought, "customer.subscription.created")

    key = story.the_key()
    assert is_key(key.key)
    assert (key.product_id, key.customer_id, key.block) == (1, customer.id, False)
    assert (key.active_features, key.max_no_of_machines, key.notes) == (["f1", "f3"], 2, "from Stripe")
    assert key.expires_at == story.paid_until(bought) + GRACE
    purchase = story.purchase(bought)
    assert (purchase.state, purchase.amount_minor, purchase.currency) == ("served", 1900, "usd")
    assert [event.state for event in story.events()] == ["done"]


def test_the_key_stands_on_the_subscription_and_the_placeholder_goes(story: Story) -> None:
    customer = story.customer()
    bought = story.buy(customer, metadata={"skm_temp_var": "no key yet", "note": "mine"})
    story.happens(bought)

    key, metadata = story.the_key(), story.at_stripe(bought)["metadata"]
    assert metadata.pop("latchkey_instance")
    assert metadata == {
        "note": "mine",
        "skm_customer_id": str(customer.id),
        "skm_key_id": str(key.id),
        "skm_key_globalid": str(key.global_id),
    }


def test_the_customer_gets_one_mail_with_the_key(story: Story) -> None:
    customer = story.customer(email="ada@mail.example")
    bought = story.buy(customer)
    for _ in range(3):
        story.tell(bought)
        contents = sent_mails("ada@mail.example")
    assert contents == []
    from portal.webhooks import service as webhooks

    assert webhooks.work_once() is True
    (mail,) = sent_mails("ada@mail.example")
    assert mail.name == "license_issued"
    assert story.the_key().key in mail.text
    assert story.the_key().key in mail.html


def test_repeating_everything_changes_nothing(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    before = (story.the_key().key, story.the_key().expires_at)
    for _ in range(3):
        story.happens(bought)

    assert (story.the_key().key, story.the_key().expires_at) == before
    assert len(story.units()) == 1


def test_events_of_one_subscription_share_one_reading(story: Story) -> None:
    bought = story.buy(story.customer())
    for _ in range(20):
        story.tell(bought)
    story.sandbox.judge.seen.clear()
    story.work()

    read = [line for line in story.sandbox.judge.seen if line.startswith(f"GET /v1/subscriptions/{bought.id} ")]
    assert len(read) == 1
    assert {event.state for event in story.events()} == {"done"}


def test_a_renewal_extends_the_same_key(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    before = story.the_key()
    key, end = before.key, before.expires_at
    story.move(days=32)
    story.happens(bought, "invoice.paid")

    assert story.the_key().key == key
    assert story.the_key().expires_at == story.paid_until(bought) + GRACE > end


def test_several_units_are_several_keys(story: Story) -> None:
    bought = story.buy(story.customer(), quantity=3)
    story.happens(bought)

    keys = story.licenses()
    assert len({key.key for key in keys}) == 3
    assert story.at_stripe(bought)["metadata"]["latchkey_keys"] == ",".join(str(key.global_id) for key in keys)


def test_a_plan_may_sell_machines_instead(story: Story) -> None:
    bought = story.buy(story.customer(), story.plan('{"quantity": "machines"}'), quantity=5)
    story.happens(bought)
    assert story.the_key().max_no_of_machines == 5

    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "quantity": 2}]})
    story.happens(bought)
    assert story.the_key().max_no_of_machines == 2


def test_fewer_units_block_the_newest_keys_and_more_units_open_them_again(story: Story) -> None:
    bought = story.buy(story.customer(), quantity=3)
    story.happens(bought)
    item = story.at_stripe(bought)["items"]["data"][0]["id"]

    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "quantity": 1}]})
    story.happens(bought)
    assert [key.block for key in story.licenses()] == [False, True, True]

    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "quantity": 2}]})
    story.happens(bought)
    assert [key.block for key in story.licenses()] == [False, False, True]


def test_another_plan_changes_the_features_of_the_same_key(story: Story) -> None:
    bought = story.buy(story.customer(), story.plan('{"F1": true, "F2": false}'))
    story.happens(bought)
    key = story.the_key().key
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    better = story.plan('{"F1": true, "F2": true, "MaxNoOfMachines": 9}', 4900)
    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "price": better.id}]})
    story.happens(bought)

    assert (story.the_key().key, story.the_key().active_features) == (key, ["f1", "f2"])
    assert story.the_key().max_no_of_machines == 9


def test_a_replaced_item_keeps_the_key(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    key = story.the_key().key
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    items = [{"price": story.plan(amount=2900).id}, {"id": item, "deleted": True}]
    story.shop.v1.subscriptions.update(bought.id, {"items": items})
    story.happens(bought)

    assert (story.the_key().key, story.the_key().block) == (key, False)


def test_another_product_is_another_key(story: Story) -> None:
    other = make_product(story.vendor, "Another Studio")
    bought = story.buy(story.customer())
    story.happens(bought)
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    price = story.plan(product=str(other.id), amount=2900)
    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "price": price.id}]})
    story.happens(bought)

    assert [(key.product_id, key.block) for key in story.licenses()] == [(1, True), (other.id, False)]
    assert [unit.blocked_because for unit in story.units()] == ["moved", ""]
    assert story.at_stripe(bought)["metadata"]["skm_key_globalid"] == str(story.licenses()[1].global_id)

    back = story.plan(amount=1900)
    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "price": back.id}]})
    story.happens(bought)
    assert [(key.product_id, key.block) for key in story.licenses()] == [(1, False), (other.id, True)]
    assert story.at_stripe(bought)["metadata"]["skm_key_globalid"] == str(story.licenses()[0].global_id)


def test_whose_plan_is_of_another_product_is_told_which_key_ends(story: Story) -> None:
    other = make_product(story.vendor, "Another Studio")
    bought = story.buy(story.customer(email="ada@mail.example"))
    story.happens(bought)
    item, first = story.at_stripe(bought)["items"]["data"][0]["id"], story.plan()
    for price in (story.plan(product=str(other.id)), first):
        story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "price": price.id}]})
        story.apply(story.read(bought.id))

    told = [(mail.name, mail.context["key"]) for mail in sent_mails("ada@mail.example")]
    one, another = (key.key for key in story.licenses())
    moved = ("license_blocked", one), ("license_issued", another)
    assert told == [*moved, ("license_blocked", another), ("license_restored", one)]
    text = sent_mails("ada@mail.example")[0].text
    assert "covers another product than Widget Studio now" in text


def test_a_trial_is_served_until_its_end(story: Story) -> None:
    bought = story.buy(story.customer(), trial_period_days=14)
    story.happens(bought)

    assert story.the_key().expires_at == story.paid_until(bought) + GRACE
    assert timedelta(days=13) < story.paid_until(bought) - clock.now() <= timedelta(days=14)


def test_nothing_paid_is_no_key(story: Story) -> None:
    buyer = story.shop.customer(story.customer())
    bought = story.buy(buyer=buyer, collection_method="send_invoice", days_until_due=14)
    story.happens(bought)
    assert (story.licenses(), story.purchase(bought).state) == ([], "waiting")

    invoice = story.at_stripe(bought)["latest_invoice"]
    story.shop.v1.invoices.pay(invoice, {"paid_out_of_band": True})
    story.happens(bought, "invoice.paid")
    assert story.the_key().expires_at == story.paid_until(bought) + GRACE


def test_canceling_at_once_blocks_and_canceling_later_does_not(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.shop.v1.subscriptions.update(bought.id, {"cancel_at_period_end": True})
    story.happens(bought)
    assert not story.the_key().block

    story.shop.v1.subscriptions.cancel(bought.id)
    story.happens(bought, "customer.subscription.deleted")
    assert story.the_key().block
    assert story.purchase(bought).state == "ended"
    assert [unit.blocked_because for unit in story.units()] == ["ended"]


def test_a_block_by_staff_stays(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.the_key().block = True
    db.session.commit()
    story.happens(bought)

    assert story.the_key().block


def test_past_due_keeps_the_key_to_the_end_of_grace(story: Story) -> None:
    customer = story.customer(email="ada@mail.example")
    buyer = story.shop.customer(customer)
    bought = story.buy(buyer=buyer)
    story.happens(bought)
    end = story.the_key().expires_at
    failing = story.shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": buyer.id})
    settings = {"default_payment_method": failing.id}
    story.shop.v1.customers.update(buyer.id, {"invoice_settings": settings})
    story.move(days=32)
    assert story.at_stripe(bought)["status"] == "past_due"
    story.happens(bought)

    assert (story.the_key().expires_at, story.the_key().block) == (end, False)
    assert story.purchase(bought).status == "past_due"


@pytest.mark.parametrize("how", ["skm_key_globalid", "skm_key_id"])
def test_a_key_typed_in_by_hand_is_adopted(story: Story, how: str) -> None:
    from portal.licenses.service import get_product

    customer = story.customer()
    product = get_product(story.vendor, 1)
    make_license(story.vendor, product)
    license = make_license(story.vendor, product, expires_at=clock.now())
    number = license.global_id if how == "skm_key_globalid" else license.id
    bought = story.buy(customer, metadata={how: str(number)})
    story.happens(bought)

    assert len(story.licenses()) == 2
    assert [unit.license_global_id for unit in story.units()] == [license.global_id]
    adopted = story.licenses()[1]
    assert (adopted.customer_id, adopted.expires_at) == (customer.id, story.paid_until(bought) + GRACE)


@pytest.mark.parametrize("names", [("skm_key_globalid",), ("skm_key_id",), ("skm_key_globalid", "skm_key_id")])
def test_a_key_typed_in_beside_our_placeholder_is_adopted_too(story: Story, names: tuple[str, ...]) -> None:
    """What our checkout sells carries our mark before it has a key."""
    from portal.licenses.service import get_product

    customer = story.customer()
    license = make_license(story.vendor, get_product(story.vendor, 1), customer, expires_at=clock.now())
    numbers = {"skm_key_globalid": str(license.global_id), "skm_key_id": str(license.id)}
    marks = {"latchkey_instance": seeds.instance_of(story.vendor_id), "skm_temp_var": "no key yet"}
    db.session.commit()
    bought = story.buy(customer, metadata={**marks, **{name: numbers[name] for name in names}})
    story.happens(bought)

    assert [unit.license_global_id for unit in story.units()] == [license.global_id]
    metadata = story.at_stripe(bought)["metadata"]
    assert ("skm_temp_var" in metadata, metadata["skm_key_globalid"]) == (False, numbers["skm_key_globalid"])


def test_who_had_the_key_before_gets_no_mail_about_it(story: Story) -> None:
    """A vendor who moves here connects hundreds of running subscriptions at once."""
    from portal.licenses.service import get_product

    customer = story.customer(email="long.since@mail.example")
    license = make_license(story.vendor, get_product(story.vendor, 1), customer, expires_at=clock.now())
    bought = story.buy(customer, metadata={"skm_key_globalid": str(license.global_id)})
    story.happens(bought)

    assert [unit.license_global_id for unit in story.units()] == [license.global_id]
    assert sent_mails("long.since@mail.example") == []


def test_a_key_of_another_customer_is_never_adopted(story: Story) -> None:
    from portal.licenses.service import get_product

    theirs = make_license(story.vendor, get_product(story.vendor, 1), story.customer())
    bought = story.buy(story.customer(), metadata={"skm_key_globalid": str(theirs.global_id)})
    story.happens(bought)

    assert len(story.licenses()) == 2
    assert story.units()[0].license_global_id != theirs.global_id
    assert "could not be adopted" in story.purchase(bought).notice


def test_grace_days_are_the_vendors(story: Story) -> None:
    vendors.set_switch(story.vendor, "grace_days", "10")
    db.session.commit()
    bought = story.buy(story.customer())
    story.happens(bought)

    assert story.the_key().expires_at == story.paid_until(bought) + timedelta(days=10)
