"""“Charged but no key”: the gaps of reference A4, one test each, numbered as there. Each ends with exactly one key."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock
from portal.billing import gateway
from portal.billing.models import StripeAccount, Subscription
from portal.extensions import db
from portal.fulfillment import mails
from portal.fulfillment import service as fulfillment
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License, Product
from portal.outbox import claims as outbox_claims
from portal.outbox.models import OutboxItem
from portal.webhooks import claims
from portal.webhooks import service as webhooks
from portal.webhooks.models import StripeEvent
from tests import factories
from tests.fulfillment.story import GRACE, Story
from tests.support.mailbox import sent_mails


def work_once() -> bool | None:
    """One worker does one piece of the inbox."""
    db.session.commit()
    result = webhooks.work_once()
    db.session.rollback()
    db.session.expire_all()
    return result


def test_05_paid_and_the_browser_closed_before_return(story: Story) -> None:
    session = story.checkout(story.customer(), story.once('{"F2": true}'))
    story.do("pay", session.id)
    story.tell_of("checkout.session.completed", {"id": session.id, "subscription": None})

    key = story.the_key()
    assert (key.active_features, key.block) == (["f2"], False)
    assert story.units()[0].paid_until is None


def test_07_the_subscription_is_told_before_its_customer_is_known(story: Story) -> None:
    buyer = story.shop.customer()
    bought = story.buy(buyer=buyer)
    story.happens(bought, "customer.subscription.created")
    assert (story.licenses(), story.purchase(bought).reason) == ([], "no_customer")

    story.shop.v1.customers.update(buyer.id, {"metadata": {"skm_customer_id": str(story.customer().id)}})
    story.tell_of("customer.updated", {"id": buyer.id})
    assert story.the_key()


@pytest.mark.parametrize("sweep", ["webhooks.sweep_events", "fulfillment.sweep_all"])
def test_08_the_endpoint_is_down_or_missing(story: Story, sweep: str) -> None:
    story.buy(story.customer())
    story.sweep(sweep)

    assert story.the_key()


def test_10_answered_200_and_then_died(story: Story) -> None:
    bought = story.buy(story.customer())
    assert story.tell(bought) == 200
    with db.engine.begin() as connection:
        assert claims.claim(connection) is not None  # a worker takes it and is never heard of again
    assert story.work().processed == 0

    clock.move(timedelta(minutes=6))
    story.work()
    assert story.the_key()
    assert [(event.state, event.attempts) for event in story.events()] == [("done", 2)]


def test_11_the_handler_failed_and_the_retry_counts(story: Story) -> None:
    bought = story.buy(story.customer())
    story.tell(bought)
    story.accident("rate_limited", path="/v1/subscriptions")
    assert story.work().failed == 1
    (event,) = story.events()
    assert (event.state, event.attempts) == ("received", 1)
    assert "Unreachable" in event.last_error

    clock.move(timedelta(seconds=10))
    story.work()
    assert story.the_key()


def test_12_the_handler_crashes_half_way(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    bought = story.buy(story.customer())
    story.tell(bought)
    with monkeypatch.context() as crash:
        crash.setattr(mails, "tell", lambda *given: 1 / 0)
        assert work_once() is False
    assert (story.licenses(), story.units()) == ([], [])
    assert db.session.scalars(select(Purchase)).all() == []

    clock.move(timedelta(seconds=10))
    story.work()
    assert len(story.units()) == len(story.licenses()) == 1


def test_13_poison_never_blocks_the_rest_and_is_put_aside(story: Story) -> None:
    poison, good = story.buy(story.customer()), story.buy(story.customer())
    story.tell(poison)
    story.tell(good)
    story.accident("server_error", path=f"/v1/subscriptions/{poison.id}", times=1000)
    story.work()
    assert [event.state for event in story.events()] == ["received", "done"]

    for _ in range(outbox_claims.MOST_TRIES - 1):
        clock.move(timedelta(hours=8))
        story.work()
    parked, _done = story.events()
    assert (parked.state, parked.attempts) == ("parked", outbox_claims.MOST_TRIES)
    assert parked.last_error

    story.calm_down()
    webhooks.replay(story.vendor_id, parked.id)
    story.work()
    assert len(story.licenses()) == 2


def test_14_an_older_read_never_overwrites_a_newer_one(story: Story) -> None:
    bought = story.buy(story.customer())
    source = fulfillment.source_of(story.vendor_id)
    db.session.rollback()
    assert source is not None
    older = fulfillment.read(source, bought.id)
    assert older is not None
    clock.move(timedelta(seconds=1))
    story.happens(bought)
    story.shop.v1.subscriptions.cancel(bought.id)
    clock.move(timedelta(seconds=1))
    story.happens(bought)

    assert fulfillment.apply(story.vendor_id, older).state == "stale"
    db.session.commit()
    assert story.the_key().block


def test_15_the_same_event_at_two_workers(story: Story) -> None:
    bought = story.buy(story.customer())
    for _ in range(3):
        story.tell(bought)
    with db.engine.begin() as connection:
        first = claims.claim(connection)
    with db.engine.begin() as connection:
        assert claims.claim(connection) is None
    clock.move(timedelta(minutes=6))
    story.work()

    assert first is not None
    with db.engine.begin() as connection:
        assert [connection.execute(end).rowcount for end in claims.done(first)] == [0, 0, 0]
    assert len(story.units()) == len(story.licenses()) == 1


@pytest.mark.parametrize("paid", [True, False])
def test_16_complete_but_unpaid_waits_for_the_bank(story: Story, paid: bool) -> None:
    session = story.checkout(story.customer(), story.once())
    story.do("pay", session.id, means="bank_pays_later")
    story.tell_of("checkout.session.completed", {"id": session.id})
    assert (story.licenses(), story.purchase(session).state) == ([], "waiting")

    story.do("settle", session.id, paid=paid)
    kind = "checkout.session.async_payment_" + ("succeeded" if paid else "failed")
    story.tell_of(kind, {"id": session.id})
    assert len(story.licenses()) == (1 if paid else 0)


@pytest.mark.parametrize(("skm", "reason"), [("", "no_product"), ("{broken", "bad_plan"), ('{"F9": 1}', "bad_plan")])
def test_17_paid_for_something_unknown_is_told_to_staff(story: Story, skm: str, reason: str) -> None:
    bought = story.buy(story.customer(), story.plan(skm, product="1" if skm else "77"))
    story.tell(bought)
    assert work_once() is True

    assert (story.purchase(bought).state, story.purchase(bought).reason) == ("unclaimed", reason)
    (mail,) = sent_mails("owner@acme.example")
    assert (mail.name, bought.id in mail.text, "$19.00" in mail.text) == ("unclaimed_payment", True, True)


def test_18_paid_by_a_duplicate_customer_with_another_address(story: Story) -> None:
    customer = story.customer()
    story.happens(story.buy(customer))
    double = story.shop.customer(email="other@mail.example")
    bought = story.buy(buyer=double, metadata={"skm_customer_id": str(customer.id)})
    story.happens(bought)

    assert [key.customer_id for key in story.licenses()] == [customer.id, customer.id]


def test_19_the_mail_is_lost_but_the_key_is_in_the_portal(story: Story) -> None:
    user = factories.make_customer_user(story.vendor)
    customer = factories.Customer
    buyer = db.session.scalars(select(customer)).one()
    story.happens(story.buy(buyer))

    story.page.sign_in(user, vendor=story.vendor)
    story.page.get(f"/Portal/@acme.example/Licenses/{story.the_key().global_id}")
    assert story.the_key().key[-5:] in story.page.text


def test_20_the_key_is_lost_and_made_again_as_it_was(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    key = story.the_key().key
    story.lose(PaidUnit, Subscription, License)
    story.happens(bought)

    assert story.the_key().key == key


def test_21_renewed_but_the_end_was_not_moved(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.move(days=32)
    story.sweep("fulfillment.sweep_ending")

    assert story.the_key().expires_at == story.paid_until(bought) + GRACE


def test_22_a_period_that_is_missing_shortens_nothing(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    before = story.the_key().expires_at
    shown = story.shop.v1.subscriptions.retrieve(
        bought.id, {"expand": ["customer", "items.data.price.product", "latest_invoice"]}
    ).to_dict()
    for item in shown["items"]["data"]:
        item |= {"current_period_end": None, "current_period_start": "soon", "quantity": None}
    read = gateway.read_purchase(shown)
    assert read.items[0].period_end is None

    source = fulfillment.source_of(story.vendor_id)
    db.session.rollback()
    facts = fulfillment.read(source, bought.id)  # type: ignore[arg-type]
    assert facts is not None
    odd = replace(facts, lines=tuple(replace(line, paid_until=None) for line in facts.lines), status="brand_new")
    fulfillment.apply(story.vendor_id, replace(odd, effect="look", fetched_at=clock.now()))
    db.session.commit()
    assert (story.the_key().expires_at, story.the_key().block) == (before, False)
    assert "brand_new" in story.purchase(bought).notice


def test_23_an_old_backup_was_restored(story: Story) -> None:
    for _ in range(3):
        story.happens(story.buy(story.customer(), quantity=2))
    keys = {(key.customer_id, key.key) for key in story.licenses()}
    story.lose(PaidUnit, Subscription, License, Purchase, StripeEvent, OutboxItem)
    db.session.execute(StripeAccount.__table__.update().values(key_seed="", instance="", events_until=None))
    db.session.execute(Product.__table__.update().values(last_license_id=0))
    db.session.commit()
    story.sweep("fulfillment.sweep_all")

    assert len(keys) == 6
    assert {(key.customer_id, key.key) for key in story.licenses()} == keys


def test_24_live_ids_in_a_test_installation_are_left_alone(story: Story) -> None:
    bought = story.buy(story.customer())
    story.tell(bought, livemode=True)
    assert [event.state for event in story.events()] == ["ignored"]

    source = fulfillment.source_of(story.vendor_id)
    db.session.rollback()
    facts = fulfillment.read(source, bought.id)  # type: ignore[arg-type]
    assert facts is not None
    assert fulfillment.apply(story.vendor_id, replace(facts, livemode=True)).state == "foreign"
    assert story.licenses() == []


def test_25_the_customer_was_deleted_at_stripe(story: Story) -> None:
    buyer = story.shop.customer(story.customer())
    bought = story.buy(buyer=buyer)
    story.happens(bought)
    story.shop.v1.customers.delete(buyer.id)
    story.tell_of("customer.deleted", {"id": buyer.id})
    story.happens(bought, "customer.subscription.deleted")

    assert story.the_key().block


def test_26_the_refund_comes_before_the_grant(story: Story) -> None:
    bought = story.buy(story.customer())
    story.do("refund", story.charge_of(bought))
    story.happens(bought)

    assert (story.licenses(), story.purchase(bought).reason) == ([], "refunded")


def test_26_a_full_refund_blocks_and_a_partial_one_does_not(story: Story) -> None:
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
def test_26_a_dispute_suspends_until_it_is_won(story: Story, end: str) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    dispute = story.do("dispute", story.charge_of(bought))
    story.tell_of("charge.dispute.created", {"id": dispute["id"], "payment_intent": dispute["payment_intent"]})
    assert story.the_key().block

    story.do(end, dispute["id"])
    story.tell_of("charge.dispute.closed", {"id": dispute["id"], "payment_intent": dispute["payment_intent"]})
    assert story.the_key().block is (end == "lose")


def test_28_pages_work_while_stripe_is_away(story: Story) -> None:
    user = factories.make_customer_user(story.vendor)
    buyer = db.session.scalars(select(factories.Customer)).one()
    story.happens(story.buy(buyer))
    story.accident("server_error", times=1000)
    story.page.sign_in(user, vendor=story.vendor)

    story.page.get(f"/Portal/@acme.example/Licenses/{story.the_key().global_id}")
    story.calm_down()


def test_29_the_quantity_changed_between_event_and_handling(story: Story) -> None:
    bought = story.buy(story.customer())
    story.tell(bought)
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "quantity": 4}]})
    story.work()

    assert len(story.licenses()) == 4


def test_30_an_upgrade_that_is_not_applied_yet_counts_for_nothing(story: Story) -> None:
    bought = story.buy(story.customer())
    shown = story.at_stripe(bought)
    shown["pending_update"] = {"subscription_items": [{"quantity": 9}], "expires_at": 1}

    assert [item.quantity for item in gateway.read_purchase(shown).items] == [1]
