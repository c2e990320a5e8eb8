"""Events: early, late, lost, twice, and a worker that dies. Rows 7 to 15."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal import clock
from portal.billing import gateway
from portal.extensions import db
from portal.fulfillment import mails
from portal.fulfillment.models import Purchase
from portal.outbox import claims as outbox_claims
from portal.stripe_doctor import endpoint_repair
from portal.webhooks import claims, endpoint
from portal.webhooks import service as webhooks
from tests.billing.buying import Buyer
from tests.fulfillment.story import Story, work_once
from tests.webhooks import letters


@pytest.mark.parametrize("way", ["event", "sweep"])
def test_07_the_subscription_is_told_before_its_customer_is_known(story: Story, way: str) -> None:
    buyer = story.shop.customer()
    bought = story.buy(buyer=buyer)
    story.happens(bought, "customer.subscription.created")
    assert (story.licenses(), story.purchase(bought).reason) == ([], "no_customer")

    story.shop.v1.customers.update(buyer.id, {"metadata": {"skm_customer_id": str(story.customer().id)}})
    if way == "event":
        story.tell_of("customer.updated", {"id": buyer.id})
    else:
        story.sweep("fulfillment.sweep_ending")  # what waits is looked at every hour
    assert story.the_key()


def test_07_the_subscription_is_told_before_its_checkout(buyer: Buyer) -> None:
    buyer.story.trust()
    session = buyer.buy(buyer.plan())
    buyer.pay(session)
    subscription = buyer.story.session(session).subscription
    for kind, shown in (("customer.subscription.created", subscription), ("checkout.session.completed", session)):
        buyer.story.tell_of(kind, {"id": shown})
        assert (buyer.story.the_key().customer_id, buyer.order().state) == (buyer.customer_id, "paid")


@pytest.mark.parametrize("sweep", ["webhooks.sweep_events", "fulfillment.sweep_all"])
@pytest.mark.parametrize("wrong", ["nothing arrives", "another secret"])
def test_08_the_endpoint_is_down_or_missing(story: Story, sweep: str, wrong: str) -> None:
    bought = story.buy(story.customer())
    if wrong == "another secret":
        body = letters.event(shown={"id": bought.id})
        header = letters.signature(body, "whsec_of_somebody_else")
        assert letters.deliver(story.page, body, story.vendor_id, header).status_code == 400
    story.move(minutes=31)
    assert "events_behind" in story.diagnosed(), "staff are alarmed: Stripe has events and we have none"

    story.sweep(sweep)
    assert story.the_key()


@pytest.mark.parametrize(
    ("wrong", "state"),
    [
        (None, "missing"),
        ({"disabled": True}, "disabled"),
        ({"enabled_events": ["invoice.paid"]}, "wrong_events"),
        ({"api_version": "2025-03-31.basil"}, "wrong_version"),
    ],
)
def test_09_the_endpoint_is_disabled_missing_or_wrong(story: Story, wrong: dict[str, Any] | None, state: str) -> None:
    if wrong is not None:
        given = {"enabled_events": list(endpoint.WANTED), "api_version": gateway.STRIPE_API_VERSION, **wrong}
        is_disabled = given.pop("disabled", False)
        made = story.shop.v1.webhook_endpoints.create({"url": endpoint.url_of(story.vendor_id), **given})
        story.shop.v1.webhook_endpoints.update(made.id, {"disabled": is_disabled})
    assert endpoint.check_endpoint(story.source()).state == state
    story.buy(story.customer())
    story.sweep("webhooks.sweep_events")
    assert story.the_key()

    assert f"endpoint_{state}" in story.diagnosed()
    endpoint_repair.mend(story.vendor_id)
    assert endpoint.check_endpoint(story.source()).state == "ok"


def test_10_answered_200_and_then_died(story: Story) -> None:
    bought = story.buy(story.customer())
    assert story.tell(bought) == 200
    with db.engine.begin() as connection:
        assert claims.claim(connection) is not None  # a worker takes it and is never heard of again
    story.work()
    assert (story.licenses(), [event.attempts for event in story.events()]) == ([], [1])

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
    with pytest.raises(webhooks.Overtaken):
        webhooks._handle(first)  # the first worker was only slow, and comes back
    db.session.rollback()
    assert len(story.units()) == len(story.licenses()) == 1
