"""Several workers at once, other installations, big accounts; and nothing is ever taken away unasked."""

from __future__ import annotations

import contextvars
import threading
from datetime import timedelta

import pytest

from portal import clock, unit_of_work
from portal.extensions import db
from portal.licenses.models import License
from portal.reconciliation import account, ledger, repairs
from portal.reconciliation.models import Finding
from tests.fulfillment.story import Story
from tests.reconciliation.desk import Desk, Owner
from tests.reconciliation.test_keys import change, forget_at_stripe, sold


def in_threads(story: Story, *doings: object) -> list[BaseException]:
    """Do these at the same time, each with a database session of its own; what went wrong."""
    gate, wrong = threading.Barrier(len(doings)), []
    db.session.commit()

    def run(doing: object) -> None:
        with story.app.app_context():
            gate.wait()
            try:
                doing()  # type: ignore[operator]
                db.session.commit()
            except Exception as error:
                db.session.rollback()
                wrong.append(error)

    threads = [threading.Thread(target=contextvars.Context().run, args=(run, doing)) for doing in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return wrong


def test_two_comparisons_at_once_open_one_row(story: Story, desk: Desk) -> None:
    story.buy(story.customer())
    found = [account.Comparison(story.vendor_id, clock.now()) for _each in range(2)]
    db.session.commit()
    differences = contextvars.Context().run(one_comparison, story)
    for comparison in found:
        comparison.found = list(differences)

    assert in_threads(story, *[lambda one=one: ledger.record(one) for one in found]) == []

    assert [finding.kind for finding in desk.open()] == ["charged_without_key"]


def one_comparison(story: Story) -> list[object]:
    """What a comparison finds, without writing it down."""
    with story.app.app_context():
        return list(account.compare(story.vendor_id).found)


def test_two_clicks_at_once_repair_once(story: Story, desk: Desk) -> None:
    story.buy(story.customer())
    desk.compare()
    finding_id, owner = desk.the("charged_without_key").id, Owner(story.vendor_id)

    def click() -> None:
        repairs.apply(repairs.read(owner, finding_id), may_take_away=False)
        unit_of_work.commit()

    wrong = in_threads(story, click, click)

    assert len(story.licenses()) == 1
    assert desk.states() == {"repaired": 1}
    assert len(wrong) <= 1


def test_an_older_comparison_closes_nothing_that_a_newer_one_found(story: Story, desk: Desk) -> None:
    older = account.Comparison(story.vendor_id, clock.now())
    story.move(minutes=1)
    story.buy(story.customer())
    desk.compare()
    ledger.record(older)
    db.session.commit()

    assert len(desk.open()) == 1


def test_purchases_of_another_installation_are_left_alone(story: Story, desk: Desk) -> None:
    sold(story)
    story.buy(story.customer(), metadata={"latchkey_instance": "another", "skm_key_globalid": "77"})

    assert desk.compare() == {}


def test_what_a_worker_is_about_to_look_at_is_no_finding(story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer())
    assert story.tell(bought) == 200

    assert desk.compare() == {}


def test_many_subscriptions_page_by_page(story: Story, desk: Desk) -> None:
    price, buyer = story.plan(), story.shop.customer(story.customer())
    for _each in range(103):
        story.buy(buyer=buyer, price=price)

    assert desk.compare() == {"charged_without_key": 103}
    assert [path for path in story.sandbox.judge.seen if path.startswith("GET /v1/subscriptions 2")][1:]


ACCIDENTS = ("canceled", "fewer", "longer", "refunded", "forgotten", "given away", "odd period")


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_nothing_is_taken_away_without_a_confirmation(story: Story, desk: Desk, accident: str) -> None:
    """Whatever is wrong, comparing, watching and repairing without a confirmation leave every key at least as good."""
    bought = sold(story, quantity=2)
    happen(story, bought, accident)
    before = [(key.global_id, key.block, key.expires_at, key.customer_id) for key in story.licenses()]

    desk.compare()
    for finding_id in [finding.id for finding in desk.open()]:
        desk.repair_unasked(finding_id)
    desk.compare()

    for key, (global_id, block, expires_at, customer_id) in zip(story.licenses(), before, strict=False):
        assert (key.global_id, key.customer_id) == (global_id, customer_id)
        assert key.block <= block and key.expires_at >= expires_at


def happen(story: Story, bought: object, accident: str) -> None:
    """Something goes wrong between Stripe and us."""
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    first: License = story.licenses()[0]
    if accident == "canceled":
        story.shop.v1.subscriptions.cancel(bought.id)  # type: ignore[attr-defined]
    elif accident == "fewer":
        story.shop.v1.subscription_items.update(item, {"quantity": 1})
    elif accident == "longer":
        change(first, expires_at=clock.now() + timedelta(days=900))
    elif accident == "refunded":
        story.do("refund", story.charge_of(bought))
    elif accident == "forgotten":
        forget_at_stripe(story)
    elif accident == "given away":
        change(first, customer_id=story.customer(name="Bob").id)
    else:
        change(first, expires_at=clock.now() - timedelta(days=1))


def test_history_stays(story: Story, desk: Desk) -> None:
    sold(story)
    for _each in range(3):
        change(story.the_key(), expires_at=clock.now() + timedelta(days=1))
        desk.compare()
        desk.repair("period_differs")

    assert desk.states() == {"repaired": 3}
    assert all(finding.outcome and finding.closed_at for finding in db.session.query(Finding))
