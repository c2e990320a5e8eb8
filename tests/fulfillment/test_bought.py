"""What a purchase keeps of what was bought, and by whom."""

from __future__ import annotations

import pytest

from portal.billing import plan_sync
from portal.extensions import db
from portal.fulfillment import bought
from portal.fulfillment.bought import Bought
from tests.fulfillment.story import Story

PAYER = "payer@mail.example"


@pytest.mark.parametrize("is_once", [True, False])
def test_the_lines_and_the_payer_are_kept_and_named_by_the_plan(story: Story, is_once: bool) -> None:
    price = story.once() if is_once else story.plan()
    buyer = story.shop.customer(email=PAYER)
    story.shop.v1.customers.update(buyer.id, {"name": "Grace Hopper"})
    if is_once:
        given = {"line_items": [{"price": price.id, "quantity": 2}], "mode": "payment", "customer": buyer.id}
        made = story.shop.v1.checkout.sessions.create({**given, "success_url": "https://acme.example/thanks"})
        story.do("pay", made.id)
    else:
        made = story.buy(buyer=buyer, price=price, quantity=2)
    assert story.apply(story.read(made.id)) == "unclaimed"

    purchase = story.purchase(made)
    assert (purchase.email, purchase.name) == (PAYER, "Grace Hopper")
    assert bought.lines_of(story.vendor_id, [purchase]) == {made.id: [Bought(price.id, 2, price.id)]}
    db.session.rollback()
    plan_sync.sync(story.vendor)
    db.session.commit()
    (line,) = bought.lines_of(story.vendor_id, [story.purchase(made)])[made.id]
    assert line.name == "Widget Studio"
