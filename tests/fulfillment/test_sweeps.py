"""Keys that come although no event ever arrived: the sweeps find every purchase."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from portal import clock
from portal.extensions import db
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem
from portal.outbox.worker import Worker
from tests.fulfillment.story import GRACE, Story


def sweep(story: Story, name: str) -> None:
    """One turn of a sweep, and everything it leads to."""
    outbox.queue_job(name, vendor_id=None)
    assert story.work().failed == 0


def test_lost_events_are_fetched_from_the_list(story: Story) -> None:
    bought = story.buy(story.customer())
    sweep(story, "webhooks.sweep_events")

    assert story.the_key().expires_at == story.paid_until(bought) + GRACE
    assert {event.state for event in story.events()} == {"done"}


def test_the_list_stores_each_event_once_and_none_that_came_by_the_door(story: Story) -> None:
    story.buy(story.customer())
    counts = []
    for _ in range(3):
        sweep(story, "webhooks.sweep_events")
        story.move(minutes=15)
        counts.append(len(story.events()))

    assert 0 < counts[1] == counts[2] == len({event.event_id for event in story.events()})


def test_events_are_found_although_our_clock_is_slow(story: Story) -> None:
    bought = story.buy(story.customer())
    sweep(story, "webhooks.sweep_events")
    story.sandbox.clock.move(days=32)
    sweep(story, "webhooks.sweep_events")

    assert story.the_key().expires_at == story.paid_until(bought) + GRACE > clock.now() + timedelta(days=50)


def test_a_sweep_that_has_failed_often_gets_its_turn_when_the_next_one_is_due(story: Story) -> None:
    story.accident("server_error", path="/v1/events", times=1000)
    for _ in range(12):
        outbox.queue_job("webhooks.sweep_events", vendor_id=None)
        story.work()
        story.move(minutes=15)
    story.calm_down()
    story.buy(story.customer())
    sweep(story, "webhooks.sweep_events")

    assert story.the_key()


def test_the_comparison_of_everything_needs_no_events(story: Story) -> None:
    story.buy(story.customer())
    story.buy(story.customer())
    canceled = story.buy(story.customer())
    story.shop.v1.subscriptions.cancel(canceled.id)
    sweep(story, "fulfillment.sweep_all")

    assert [key.block for key in story.licenses()] == [False, False]


def test_a_renewal_nobody_told_us_about_moves_the_end(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.move(days=32)
    sweep(story, "fulfillment.sweep_ending")

    assert story.the_key().expires_at == story.paid_until(bought) + GRACE > clock.now() + timedelta(days=20)


def test_an_end_nobody_told_us_about_blocks(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.shop.v1.subscriptions.cancel(bought.id)
    sweep(story, "fulfillment.sweep_all")

    assert story.the_key().block


def test_an_unclaimed_payment_is_looked_at_again(story: Story) -> None:
    price = story.plan(product="")
    bought = story.buy(story.customer(), price)
    story.happens(bought)
    assert (story.purchase(bought).state, story.purchase(bought).reason) == ("unclaimed", "no_product")

    story.shop.v1.products.update(price.product, {"metadata": {"skm_product_id": "1"}})
    story.move(hours=1)
    sweep(story, "fulfillment.sweep_ending")
    assert story.purchase(bought).state == "served"
    assert story.the_key()


def test_a_turn_is_queued_once_whoever_comes_first(story: Story) -> None:
    def queued() -> int:
        turn = OutboxItem.dedupe_key.startswith("schedule:")
        found = db.session.scalar(select(func.count()).select_from(OutboxItem).where(turn))
        db.session.rollback()
        return int(found or 0)

    worker = Worker(story.app)
    for _ in range(3):
        worker.schedule()
    turns = len(story.app.extensions["work"].schedule)
    assert queued() == turns
    clock.move(timedelta(days=1))
    worker.schedule()
    worker.schedule()
    assert queued() == 2 * turns


def test_a_bank_that_paid_while_the_portal_was_away_for_months_is_heard(story: Story) -> None:
    sweep(story, "webhooks.sweep_events")
    session = story.checkout(story.customer(), story.once())
    story.do("pay", session.id, means="bank_pays_later")
    sweep(story, "webhooks.sweep_events")
    assert story.purchase(session).state == "waiting"

    story.do("settle", session.id)
    story.move(days=70)
    sweep(story, "webhooks.sweep_events")
    assert story.purchase(session).state == "served"
    assert story.the_key()


def test_a_dispute_won_without_our_knowing_gives_the_key(story: Story) -> None:
    session = story.checkout(story.customer(), story.once())
    story.do("pay", session.id)
    dispute = story.do("dispute", charge_behind(story, session))
    story.tell_of("checkout.session.completed", {"id": session.id})
    assert (story.purchase(session).state, story.licenses()) == ("ended", [])

    story.do("win", dispute["id"])
    story.move(days=1)
    sweep(story, "fulfillment.sweep_all")
    assert story.purchase(session).state == "served"
    assert not story.the_key().block


def test_a_refunded_subscription_that_is_canceled_later_is_known_as_canceled(story: Story) -> None:
    bought = story.buy(story.customer())
    story.do("refund", story.charge_of(bought))
    story.happens(bought)
    assert (story.purchase(bought).state, story.purchase(bought).status) == ("ended", "active")

    story.shop.v1.subscriptions.cancel(bought.id)
    story.move(days=1)
    sweep(story, "fulfillment.sweep_all")
    assert story.purchase(bought).status == "canceled"


def test_what_is_over_for_good_is_not_read_again_each_night(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.shop.v1.subscriptions.cancel(bought.id)
    story.happens(bought)
    read_at = story.purchase(bought).fetched_at

    story.move(days=1)
    sweep(story, "fulfillment.sweep_all")
    assert story.purchase(bought).fetched_at == read_at


def charge_behind(story: Story, session: Any) -> str:
    """The charge that paid a checkout."""
    intent = story.session(session.id).payment_intent
    return str(story.shop.v1.payment_intents.retrieve(intent).latest_charge)
