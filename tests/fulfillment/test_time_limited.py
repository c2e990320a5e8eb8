"""A price paid once, without a Period, of a product whose licenses end: no key could be made that works."""

from __future__ import annotations

from typing import Any

import pytest

from portal.extensions import db
from portal.fulfillment.models import PaidUnit
from portal.licenses import desk
from portal.licenses.service import get_product
from portal.reconciliation import local
from tests.fulfillment.story import GRACE, Story
from tests.support.mailbox import sent_mails

LIMITED = {"f1": {"name": "Updates", "type": 1}, "f2": {"name": "Export", "type": 0}}


def limit(story: Story, *, all_licenses: bool = False) -> None:
    """Product 1 makes all licenses time-limited, or those with F1."""
    product = get_product(story.vendor, 1)
    product.all_licenses_time_limited = all_licenses
    product.feature_definitions = {} if all_licenses else LIMITED
    db.session.commit()


def pay_once(story: Story, price: Any) -> Any:
    """Somebody pays it by card, and Stripe says so."""
    session = story.checkout(story.customer(email="ada@mail.example"), price)
    story.do("pay", session.id)
    tell(story, session)
    return session


def tell(story: Story, session: Any) -> None:
    """Stripe says again that the checkout was paid."""
    story.move(seconds=2)
    story.tell_of("checkout.session.completed", {"id": session.id, "object": "checkout.session"})


@pytest.mark.parametrize(("all_licenses", "skm"), [(True, ""), (True, '{"F2": true}'), (False, '{"F1": true}')])
def test_staff_are_asked_for_a_period_before_a_key_is_made_that_has_ended(
    story: Story, all_licenses: bool, skm: str
) -> None:
    limit(story, all_licenses=all_licenses)
    price = story.once(skm)
    session = story.checkout(story.customer(email="ada@mail.example"), price)
    story.do("pay", session.id)
    story.apply(story.read(session.id))

    assert story.licenses() == []
    assert (story.purchase(session).state, story.purchase(session).reason) == ("unclaimed", "bad_plan")
    assert [found.kind for found in local.unclaimed_payments(story.vendor_id)] == ["unclaimed_payment"]
    (mail,) = sent_mails("owner@acme.example")
    assert mail.name == "unclaimed_payment"
    assert "a product whose licenses end needs a Period" in " ".join(mail.text.split())

    story.shop.v1.prices.update(price.id, {"metadata": {"skm": '{"Period": 365, "F1": true}'}})
    tell(story, session)
    key = story.the_key()
    assert story.purchase(session).state == "served"
    assert (key.period, (key.expires_at - key.created_at).days) == (365, 365)


@pytest.mark.parametrize(
    ("all_licenses", "skm"),
    [(True, '{"Period": 30}'), (False, '{"F1": true, "Period": 30}'), (False, '{"F1": false, "F2": true}')],
)
def test_a_period_or_no_limit_is_a_key_as_ever(story: Story, all_licenses: bool, skm: str) -> None:
    limit(story, all_licenses=all_licenses)
    session = pay_once(story, story.once(skm))

    assert story.purchase(session).state == "served"
    badges = desk.badges(story.the_key(), get_product(story.vendor, 1), subscription=False)
    assert "Expired" not in [name for name, _ in badges]


def test_a_subscription_needs_no_period(story: Story) -> None:
    limit(story, all_licenses=True)
    bought = story.buy(story.customer())
    story.happens(bought)

    assert (story.the_key().expires_at, story.the_key().block) == (story.paid_until(bought) + GRACE, False)
    assert story.purchase(bought).state == "served"


def test_other_lines_of_the_same_bill_get_their_keys(story: Story) -> None:
    limit(story)
    prices = [story.once(skm) for skm in ('{"F1": true}', '{"F2": true}')]
    lines = [{"price": price.id, "quantity": 1} for price in prices]
    session = story.checkout(story.customer(), prices[0], line_items=lines)
    story.do("pay", session.id)
    tell(story, session)

    assert [key.active_features for key in story.licenses()] == [["f2"]]
    assert (story.purchase(session).state, story.purchase(session).reason) == ("unclaimed", "bad_plan")


def test_keys_that_were_made_before_stay_as_they_are_and_nobody_is_asked(story: Story) -> None:
    sessions = [pay_once(story, story.once('{"F1": true}')) for _ in range(2)]
    before = _all(story)
    limit(story, all_licenses=True)
    for session in sessions:
        story.move(seconds=2)
        assert story.apply(story.read(session.id)) == "served"
    assert sent_mails("owner@acme.example") == []
    story.sweep("fulfillment.sweep_all")

    assert _all(story) == before
    assert [story.purchase(session).state for session in sessions] == ["served"] * 2


def test_a_refund_of_such_a_key_still_blocks_it(story: Story) -> None:
    session = pay_once(story, story.once())
    limit(story, all_licenses=True)
    paid = story.shop.v1.payment_intents.retrieve(story.session(session.id).payment_intent)
    story.do("refund", paid.latest_charge)
    tell(story, session)

    assert (story.the_key().block, story.purchase(session).state) == (True, "ended")


def _all(story: Story) -> list[tuple[Any, ...]]:
    keys = [(key.key, key.block, key.expires_at, key.period, key.active_features) for key in story.licenses()]
    units: list[PaidUnit] = story.units()
    return [*keys, *((unit.source, unit.ordinal, unit.blocked_because) for unit in units)]
