"""What is sold once beside a subscription, as the desk sees it."""

from __future__ import annotations

from sqlalchemy import delete

from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from tests.factories import make_product
from tests.fulfillment.story import Story
from tests.reconciliation.desk import Desk


def sell_both(story: Story) -> None:
    """A month of product 1 and a perpetual license of product 2 in one checkout."""
    make_product(story.vendor)
    db.session.commit()
    made = story.shop.v1.products.create({"name": "Add-on", "metadata": {"skm_product_id": "2"}})
    once = story.shop.v1.prices.create({"product": made.id, "currency": "usd", "unit_amount": 9900})
    lines = [{"price": story.plan().id, "quantity": 1}, {"price": once.id, "quantity": 1}]
    session = story.checkout(story.customer(), once, line_items=lines, mode="subscription")
    story.do("pay", session.id)
    story.happens(story.shop.v1.subscriptions.retrieve(story.session(session.id).subscription))


def test_two_purchases_on_one_bill_are_no_difference(story: Story, desk: Desk) -> None:
    sell_both(story)

    assert len(story.licenses()) == 2
    assert desk.compare() == {}


def test_a_key_that_is_missing_for_what_was_sold_once_is_found_and_made(story: Story, desk: Desk) -> None:
    sell_both(story)
    mine = PaidUnit.stripe_id.startswith("in_")
    numbers = [unit.license_global_id for unit in story.units() if unit.stripe_id.startswith("in_")]
    db.session.execute(delete(PaidUnit).where(mine))
    db.session.execute(delete(License).where(License.global_id.in_(numbers)))
    db.session.execute(delete(Purchase).where(Purchase.stripe_id.startswith("in_")))
    db.session.commit()

    assert desk.compare()["charged_without_key"] == 1
    desk.repair("charged_without_key")
    assert sorted(license.product_id for license in story.licenses()) == [1, 2]
