"""“Charged but no key”: the gaps of reference A4, one test each, numbered as there. Each ends with exactly one key."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal import clock
from portal.account.models import User
from portal.billing import gateway
from portal.billing.models import StripeAccount, StripeCustomer, Subscription
from portal.extensions import db
from portal.fulfillment import mails
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License, Product
from portal.outbox import claims as outbox_claims
from portal.outbox.models import OutboxItem
from portal.stripe_doctor import service as stripe_doctor
from portal.webhooks import claims, endpoint
from portal.webhooks import service as webhooks
from portal.webhooks.models import StripeEvent
from tests import factories
from tests.billing.buying import Buyer
from tests.fulfillment.story import GRACE, Story, work_once
from tests.support.mailbox import sent_mails
from tests.support.page import Page
from tests.webhooks import letters


def test_01_the_stripe_customer_was_made_and_our_note_of_it_lost(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    buyer.story.lose(StripeCustomer)
    buyer.pay(buyer.press(buyer.once()))
    buyer.story.sweep("fulfillment.sweep_orders")

    (made,) = buyer.story.shop.v1.customers.list({}).data
    assert made.metadata.skm_customer_id == str(buyer.customer_id)
    assert buyer.story.the_key().customer_id == buyer.customer_id


def test_02_two_tabs_and_a_double_click_buy_once(buyer: Buyer) -> None:
    price = buyer.plan()
    second = Page(buyer.app).sign_in(db.session.get_one(User, buyer.user_id))
    sessions = {buyer.buy(price), buyer.press(price), buyer.press(price, page=second)}
    assert len(sessions) == 1
    buyer.pay(sessions.pop())
    buyer.come_back()

    assert len(buyer.story.shop.v1.subscriptions.list({"status": "all"}).data) == len(buyer.story.licenses()) == 1


def test_03_the_checkout_was_made_and_its_id_lost(buyer: Buyer) -> None:
    price = buyer.plan()
    buyer.story.accident("lost_reply", path="/v1/checkout/sessions", method="POST")
    buyer.story.accident("rate_limited", path="/v1/checkout/sessions", method="POST")
    buyer.buy(price, status=503)
    assert buyer.order().session_id == ""
    (made,) = buyer.sessions()
    buyer.pay(made["id"])
    buyer.story.sweep("fulfillment.sweep_orders")

    assert (buyer.order().state, buyer.story.the_key().customer_id) == ("paid", buyer.customer_id)


@pytest.mark.parametrize("kind", ["server_error", "server_error_after_commit"])
def test_04_an_error_is_replayed_under_the_same_idempotency_key(buyer: Buyer, kind: str) -> None:
    price = buyer.plan()
    buyer.story.accident(kind, path="/v1/checkout/sessions", method="POST")
    for _click in range(3):
        if buyer.press_any(price) == 303:
            break
    buyer.pay(buyer.order().session_id)
    buyer.come_back()

    assert len(buyer.sessions()) == len(buyer.story.licenses()) == 1


def test_05_paid_and_the_browser_closed_before_return(story: Story) -> None:
    session = story.checkout(story.customer(), story.once('{"F2": true}'))
    story.do("pay", session.id)
    story.tell_of("checkout.session.completed", {"id": session.id, "subscription": None})

    key = story.the_key()
    assert (key.active_features, key.block) == (["f2"], False)
    assert story.units()[0].paid_until is None


def test_06_back_on_the_return_page_before_any_event(buyer: Buyer) -> None:
    buyer.pay(buyer.buy(buyer.plan()))
    page = buyer.come_back()

    assert buyer.story.events() == []
    assert buyer.story.the_key().key in {str(field.get("value")) for field in page.soup.select("input")}


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


@pytest.mark.parametrize(
    ("wrong", "state"),
    [(None, "missing"), ({"disabled": True}, "disabled"), ({"enabled_events": ["invoice.paid"]}, "wrong_events")],
)
def test_09_the_endpoint_is_disabled_missing_or_wrong(story: Story, wrong: dict[str, Any] | None, state: str) -> None:
    if wrong is not None:
        right = {"enabled_events": list(endpoint.WANTED), "api_version": gateway.STRIPE_API_VERSION}
        made = story.shop.v1.webhook_endpoints.create({"url": endpoint.url_of(story.vendor_id), **right})
        story.shop.v1.webhook_endpoints.update(made.id, wrong)
    assert endpoint.check_endpoint(story.source()).state == state

    story.buy(story.customer())
    story.sweep("webhooks.sweep_events")
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
    older = story.read(bought.id)
    clock.move(timedelta(seconds=1))
    story.happens(bought)
    story.shop.v1.subscriptions.cancel(bought.id)
    clock.move(timedelta(seconds=1))
    story.happens(bought)

    assert story.apply(older) == "stale"
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
    clock.move(timedelta(seconds=1))
    facts = story.read(bought.id)
    lines = tuple(replace(line, paid_until=None, quantity=0, is_certain=False) for line in facts.lines)

    assert story.apply(replace(facts, lines=lines)) == "served"
    assert story.apply(replace(facts, lines=lines, status="brand_new", effect="look")) == "served"
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


def test_26_the_refund_comes_before_the_grant(story: Story) -> None:
    bought = story.buy(story.customer())
    story.do("refund", story.charge_of(bought))
    story.happens(bought)

    assert (story.licenses(), story.purchase(bought).reason) == ([], "refunded")


def test_27_our_clock_is_off_and_staff_are_told(story: Story) -> None:
    bought = story.buy(story.customer())
    body = letters.event(shown={"id": bought.id})
    header = letters.signature(body)
    clock.move(timedelta(minutes=6))

    assert letters.deliver(story.page, body, story.vendor_id, header).status_code == 400
    report = stripe_doctor.run(story.vendor_id, quickly=True)
    assert report is not None and "clock_fast" in {one.code for one in report.found}
    story.sweep("fulfillment.sweep_all")
    assert story.the_key()


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


def test_there_is_a_test_for_every_gap() -> None:
    rows = {name.split("_")[1] for name in globals() if name.startswith("test_") and name.split("_")[1].isdigit()}
    assert rows == {f"{row:02d}" for row in range(1, 31)}
