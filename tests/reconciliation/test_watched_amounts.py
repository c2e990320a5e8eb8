"""How much money a finding is about, also where only our own tables tell of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import clock
from portal.billing.models import Order, Plan, Subscription
from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.outbox.models import OutboxItem
from portal.reconciliation import ledger, watching
from portal.reconciliation.found import Found
from portal.webhooks.models import StripeEvent
from tests.fulfillment.story import Story
from tests.reconciliation.desk import Desk

PRICE = "price_watched"


def ordered(story: Story, quantity: int = 1, amount: int | None = 1900, **more: object) -> Order:
    """A paid order that has led to nothing so far; amount: of its plan, None where Stripe computes it."""
    plan = {"vendor_id": story.vendor_id, "price_id": PRICE, "livemode": False, "stripe_product_id": "prod_1"}
    db.session.add(Plan(**plan, amount_minor=amount, currency="usd"))
    given = {"mode": "payment", "state": "paid", "session_id": "cs_watched", "stripe_id": "cs_watched", **more}
    order = Order(
        vendor_id=story.vendor_id,
        id="order_watched",
        customer_id=story.customer(name="Ada Lovelace").id,
        price_id=PRICE,
        quantity=quantity,
        livemode=False,
        **given,
    )
    db.session.add(order)
    db.session.commit()
    return order


def park(story: Story, subject: str, kind: str = "checkout.session.completed") -> None:
    """Stripe told of money some time ago, and reading the purchase was given up."""
    event = StripeEvent(vendor_id=story.vendor_id, event_id=f"evt_{subject}", sha256="", raw="", type=kind)
    event.subject, event.state, event.created_at = subject, "parked", clock.now()
    db.session.add(event)
    db.session.commit()


def watch(story: Story) -> None:
    """Six minutes later, one turn of the watch."""
    story.move(minutes=6)
    ledger.keep(story.vendor_id, watching.charged(story.vendor_id))
    db.session.commit()


def money(desk: Desk) -> tuple[int | None, str]:
    """What the finding says it is about."""
    finding = desk.the("charged_without_key")
    return finding.amount_minor, finding.currency


@pytest.mark.parametrize(("quantity", "amount"), [(1, 1900), (3, 5700)])
def test_an_order_is_worth_its_plan_times_its_quantity(story: Story, desk: Desk, quantity: int, amount: int) -> None:
    ordered(story, quantity)
    watch(story)

    assert money(desk) == (amount, "usd")


def test_what_stripe_computes_is_not_guessed(story: Story, desk: Desk) -> None:
    ordered(story, 3, amount=None)
    watch(story)

    assert money(desk) == (None, "usd")


def test_an_order_whose_plan_is_gone_is_found_without_an_amount(story: Story, desk: Desk) -> None:
    ordered(story)
    story.lose(Plan)
    watch(story)

    assert money(desk) == (None, "")


@pytest.mark.parametrize("state", ["open", "paid"])
def test_an_event_about_an_order_is_worth_the_order(story: Story, desk: Desk, state: str) -> None:
    order = ordered(story, 2, state=state, stripe_id="cs_watched" if state == "paid" else "")
    customer_id = order.customer_id
    park(story, "cs_watched")
    watch(story)

    assert money(desk) == (3800, "usd")
    assert desk.the("charged_without_key").customer_id == customer_id


def test_an_event_about_a_subscription_is_worth_what_we_stored_of_it(story: Story, desk: Desk) -> None:
    ada = story.customer()
    bought = story.buy(ada, quantity=2)
    story.happens(bought)
    db.session.query(Subscription).update({"license_global_id": None})
    story.lose(OutboxItem, StripeEvent, PaidUnit, Purchase, License)
    park(story, bought.id, "invoice.paid")
    watch(story)

    assert money(desk) == (3800, "usd")
    assert desk.the("charged_without_key").customer_id == ada.id


def test_an_event_about_what_nobody_knows_is_found_once_and_without_an_amount(story: Story, desk: Desk) -> None:
    ordered(story, state="open", stripe_id="", session_id="")
    park(story, "sub_unknown")
    park(story, "")
    watch(story)

    assert desk.the("charged_without_key").subject == "sub_unknown"
    assert money(desk) == (None, "")


def test_an_amount_that_a_comparison_found_outlives_a_watch_that_knows_none(story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer())
    park(story, bought.id)
    story.move(minutes=6)
    assert desk.compare()["charged_without_key"] == 1
    first = desk.the("charged_without_key").id
    assert money(desk) == (1900, "usd")

    watch(story)

    assert desk.the("charged_without_key").id == first
    assert money(desk) == (1900, "usd")


def test_another_amount_replaces_the_known_one(story: Story, desk: Desk) -> None:
    for amount, currency in ((1900, "usd"), (None, ""), (500, "eur")):
        found = Found("charged_without_key", "sub_1", amount_minor=amount, currency=currency, since=clock.now())
        ledger.keep(story.vendor_id, [found])
        db.session.commit()

    assert money(desk) == (500, "eur")
    assert desk.the("charged_without_key").since > clock.now() - timedelta(minutes=1)
