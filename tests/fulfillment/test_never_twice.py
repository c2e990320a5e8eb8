"""What could make a second key, take one away wrongly, or keep a thing from being done: races, backups, adoption."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from portal import clock
from portal.billing.models import Subscription
from portal.extensions import db
from portal.fulfillment import sweeps, write_back
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.licenses.service import get_product
from portal.outbox import claims as outbox_claims
from portal.outbox.models import OutboxItem
from portal.vendors import service as vendors
from portal.webhooks import claims
from portal.webhooks.models import StripeEvent
from tests.factories import make_license
from tests.fulfillment.story import GRACE, Story, work_once
from tests.support.mailbox import sent_mails
from tests.webhooks import letters


def test_two_purchases_that_name_the_same_key_get_one_each(story: Story) -> None:
    customer = story.customer()
    named = make_license(story.vendor, get_product(story.vendor, 1), customer)
    metadata = {"skm_key_globalid": str(named.global_id)}
    first, second = (story.buy(customer, metadata=metadata) for _ in range(2))
    story.happens(first)
    story.happens(second)

    assert len({unit.license_global_id for unit in story.units()}) == 2


def test_a_key_goes_on_under_a_new_purchase_and_works(story: Story) -> None:
    customer = story.customer()
    ended = story.buy(customer)
    story.happens(ended)
    key = story.the_key().global_id
    story.shop.v1.subscriptions.cancel(ended.id)
    story.happens(ended)
    assert story.the_key().block

    again = story.buy(customer, metadata={"skm_key_globalid": str(key)})
    story.happens(again)
    assert (story.the_key().block, [unit.blocked_because for unit in story.units()]) == (False, ["ended", ""])
    story.happens(ended)
    assert not story.the_key().block


def test_who_comes_back_to_a_key_that_another_purchase_pays_gets_one_of_their_own(story: Story) -> None:
    customer = story.customer()
    first = story.buy(customer)
    story.happens(first)
    key = story.the_key().global_id
    story.do("refund", story.charge_of(first))
    story.move(seconds=1)
    story.happens(first)
    second = story.buy(customer, metadata={"skm_key_globalid": str(key)})
    story.happens(second)
    story.move(days=32)
    story.happens(first)
    story.happens(second)

    assert len(story.licenses()) == len({unit.license_global_id for unit in story.units()}) == 2
    assert not any(license.block for license in story.licenses())


def test_a_block_by_staff_outlives_an_end_and_a_return(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.the_key().block = True
    db.session.commit()
    story.do("refund", story.charge_of(bought))
    story.move(seconds=1)
    story.happens(bought)
    assert [unit.blocked_because for unit in story.units()] == ["staff"]

    story.move(days=32)
    story.happens(bought)
    assert story.units()[0].blocked_because == ""
    assert story.the_key().block


def test_a_period_of_less_than_a_day_makes_no_perpetual_key(story: Story) -> None:
    bought = story.buy(story.customer())
    story.move(days=30.5)
    story.happens(bought)

    assert story.the_key().period >= 1


def test_in_a_restored_database_a_number_may_be_another_key(story: Story) -> None:
    customer = story.customer()
    bought = story.buy(customer)
    story.happens(bought)
    key = story.the_key()
    lost, number = key.key, key.global_id
    story.lose(PaidUnit, Subscription, License, Purchase, OutboxItem)
    other = make_license(story.vendor, get_product(story.vendor, 1), customer)
    db.session.execute(License.__table__.update().values(global_id=number))
    db.session.commit()
    story.happens(bought)

    assert other is not None
    assert {one.key for one in story.licenses()} > {lost}
    assert [one.global_id for one in story.licenses() if one.key == lost] == [story.units()[0].license_global_id]


def test_an_adopted_key_is_adopted_again_after_a_backup(story: Story) -> None:
    customer = story.customer()
    named = make_license(story.vendor, get_product(story.vendor, 1), customer)
    bought = story.buy(customer, metadata={"skm_key_globalid": str(named.global_id)})
    story.happens(bought)
    assert story.at_stripe(bought)["metadata"]["latchkey_adopted"] == str(named.global_id)
    story.lose(PaidUnit, Purchase, OutboxItem)
    story.happens(bought)

    assert len(story.licenses()) == 1


def test_what_was_written_at_stripe_and_removed_is_written_again_after_a_job_was_given_up(story: Story) -> None:
    bought = story.buy(story.customer(), metadata={"skm_temp_var": "no key yet"})
    story.accident("forbidden", path=f"/v1/subscriptions/{bought.id}", method="POST", times=1000)
    story.tell(bought)
    story.work()
    given_up = OutboxItem.__table__.update().where(OutboxItem.name == write_back.JOB).values(state="dead")
    db.session.execute(given_up)
    db.session.commit()
    story.calm_down()
    story.move(seconds=1)
    story.happens(bought)

    assert "skm_temp_var" not in story.at_stripe(bought)["metadata"]


def test_a_write_back_that_has_begun_does_not_stand_for_what_follows(story: Story) -> None:
    bought = story.buy(story.customer())
    story.tell(bought)
    assert work_once() is True
    with db.engine.begin() as connection:
        while (claim := outbox_claims.claim(connection)) is not None and claim.name != write_back.JOB:
            pass
    story.move(seconds=1)
    story.tell(bought)
    assert work_once() is True
    waiting = select(OutboxItem).where(OutboxItem.name == write_back.JOB, OutboxItem.lease_until.is_(None))

    assert len(db.session.scalars(waiting).all()) == 1


def test_a_sweep_asks_once_for_what_waits_and_again_for_what_is_done(story: Story) -> None:
    def waiting() -> int:
        jobs = select(OutboxItem).where(OutboxItem.name == sweeps.ENSURE, OutboxItem.state == "waiting")
        return len(db.session.scalars(jobs).all())

    for _ in range(3):
        sweeps.queue_ensure(story.vendor_id, ["sub_1", "sub_2"])
    assert waiting() == 2
    db.session.execute(OutboxItem.__table__.update().values(state="done"))
    sweeps.queue_ensure(story.vendor_id, ["sub_1"])
    assert waiting() == 1


def test_a_new_event_is_not_put_aside_with_an_old_one(story: Story) -> None:
    bought = story.buy(story.customer())
    story.tell(bought)
    db.session.execute(StripeEvent.__table__.update().values(attempts=outbox_claims.MOST_TRIES - 1))
    db.session.commit()
    story.tell(bought)
    story.accident("server_error", path=f"/v1/subscriptions/{bought.id}", times=1000)
    story.work()

    assert [event.state for event in story.events()] == ["parked", "received"]


def test_an_event_that_stops_every_worker_is_put_aside(story: Story) -> None:
    story.tell(story.buy(story.customer()))
    for _ in range(outbox_claims.MOST_TRIES):
        with db.engine.begin() as connection:
            assert claims.claim(connection) is not None
        clock.move(timedelta(minutes=6))
    story.work()

    assert [event.state for event in story.events()] == ["parked"]
    assert "stopped" in story.events()[0].last_error


def test_not_found_is_believed_at_the_third_try_only(story: Story) -> None:
    story.deliver(_about("sub_notyet"))
    story.work()
    assert [event.state for event in story.events()] == ["received"]
    for _ in range(2):
        clock.move(timedelta(minutes=1))
        story.work()
    assert [event.state for event in story.events()] == ["done"]


def _about(stripe_id: str) -> bytes:
    return letters.event(shown={"id": stripe_id, "object": "subscription"})


def test_features_of_a_cheaper_plan_are_those_of_the_plan(story: Story) -> None:
    bought = story.buy(story.customer(), story.plan('{"F1": true, "F2": true}', 4900))
    story.happens(bought)
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    for skm, features in (('{"F1": true}', ["f1"]), ("", ["f1"])):
        cheaper = story.plan(skm)
        story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "price": cheaper.id}]})
        story.move(seconds=1)
        story.happens(bought)
        assert story.the_key().active_features == features


def test_an_item_without_an_id_takes_nothing_away(story: Story) -> None:
    bought = story.buy(story.customer(), quantity=2)
    story.happens(bought)
    clock.move(timedelta(seconds=1))
    facts = story.read(bought.id)
    lines = tuple(replace(line, source="") for line in facts.lines)

    story.apply(replace(facts, lines=lines))
    assert [license.block for license in story.licenses()] == [False, False]


def test_more_keys_than_anybody_buys_at_once_are_asked_about(story: Story) -> None:
    bought = story.buy(story.customer(), quantity=1001)
    story.happens(bought)

    assert (story.licenses(), story.purchase(bought).reason) == ([], "bad_plan")


def test_more_days_of_grace_are_no_news_to_customers(story: Story) -> None:
    bought = story.buy(story.customer(email="ada@mail.example"))
    story.happens(bought)
    vendors.set_switch(story.vendor, "grace_days", "10")
    db.session.commit()
    story.move(seconds=1)
    story.tell(bought)
    work_once()
    assert story.the_key().expires_at == story.paid_until(bought) + GRACE + timedelta(days=7)
    assert sent_mails("ada@mail.example") == []


def test_a_checkout_of_a_subscription_is_read_as_the_subscription(story: Story) -> None:
    session = story.checkout(story.customer(), story.plan(), mode="subscription")
    assert story.read(session.id).effect == "wait"
    story.do("pay", session.id)
    for _ in range(2):
        story.apply(story.read(session.id))
    story.sweep("fulfillment.sweep_all")

    assert len(story.licenses()) == 1
    assert story.units()[0].stripe_id.startswith("sub_")
