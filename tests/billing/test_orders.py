"""Orders: what may follow what, who settles them, and the sweep that needs no webhook."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal import clock, jobs
from portal.billing import orders
from portal.billing import service as billing
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.fulfillment import order_states, states
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import Purchase
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem
from portal.vendors import service as vendors
from tests import factories
from tests.billing.buying import BASE, Buyer
from tests.support.mailbox import sent_mails
from tests.webhooks.letters import SECRET

SWEEP = "fulfillment.sweep_orders"
STATES = ("open", "waiting", "paid", "failed", "expired")


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES[1:])
def test_money_beats_everything_and_nothing_beats_money(buyer: Buyer, before: str, after: str) -> None:
    buyer.buy(buyer.plan())
    order = buyer.order()
    order.state = before
    db.session.commit()
    orders.settle(buyer.story.vendor_id, order.id, after, stripe_id="sub_1")
    db.session.commit()

    expected = after if before in orders.MAY_FOLLOW[after] else before
    assert buyer.order().state == expected
    assert (expected == "paid") == (before == "paid" or after == "paid")


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("stripe_id", "status", "effect", "refused", "state"),
    [
        ("cs_1", "open", states.WAIT, False, ""),
        ("cs_1", "expired", states.WAIT, False, "expired"),
        ("cs_1", "unpaid", states.WAIT, False, "waiting"),
        ("cs_1", "unpaid", states.WAIT, True, "failed"),
        ("cs_1", "something_new", states.LOOK, False, ""),
        ("sub_1", "incomplete", states.WAIT, False, "waiting"),
        ("sub_1", "incomplete_expired", states.WAIT, False, "failed"),
        ("sub_1", "past_due", states.KEEP, False, "failed"),
        ("sub_1", "canceled", states.END, False, "failed"),
    ],
)
def test_what_stripe_says_becomes_a_state(stripe_id: str, status: str, effect: str, refused: bool, state: str) -> None:
    facts = Facts(
        stripe_id=stripe_id,
        livemode=False,
        status=status,
        effect=effect,
        because="",
        fetched_at=clock.now(),
        stripe_customer_id="cus_1",
        email="",
        metadata={},
        customer_metadata={},
        lines=(),
        amount_minor=None,
        currency="usd",
        is_refused=refused,
    )
    assert order_states.state_after(facts) == state


def test_every_sweep_is_a_job_with_its_turn() -> None:
    assert jobs.SCHEDULE[SWEEP] == 300
    assert jobs.SCHEDULE["billing.sync_plans"] == 3600
    assert SWEEP in jobs.JOBS
    assert "fulfillment.look_at_order" in jobs.JOBS


@pytest.mark.parametrize("kind", ["plan", "once"])
def test_paid_and_never_come_back_the_sweep_makes_the_key(buyer: Buyer, kind: str) -> None:
    buyer.pay(buyer.buy(getattr(buyer, kind)('{"F2": true}')))
    buyer.story.sweep(SWEEP)

    key = buyer.story.the_key()
    assert (key.customer_id, key.active_features) == (buyer.customer_id, ["f2"])
    assert buyer.order().state == "paid"
    assert db.session.scalars(select(Purchase.stripe_id)).one() == buyer.order().stripe_id
    buyer.story.sweep(SWEEP)
    assert len(buyer.story.licenses()) == 1


def test_the_mail_with_the_key_goes_out_once(buyer: Buyer) -> None:
    buyer.pay(buyer.buy(buyer.plan()))
    db.session.commit()
    buyer.come_back()
    mails = [mail for mail in sent_mails("ada@mail.example") if mail.name == "license_issued"]
    assert [buyer.story.the_key().key in mail.text for mail in mails] == [True]
    buyer.come_back()
    buyer.story.sweep(SWEEP)
    everything = db.session.scalars(select(OutboxItem.name).where(OutboxItem.name == "license_issued")).all()
    assert everything == ["license_issued"]


def test_row_3_a_checkout_whose_id_was_lost_is_found_and_served(buyer: Buyer) -> None:
    price = buyer.plan()
    buyer.story.accident("lost_reply", path="/v1/checkout/sessions", method="POST")
    buyer.story.accident("rate_limited", path="/v1/checkout/sessions", method="POST")
    buyer.buy(price, status=503)
    assert buyer.order().session_id == ""
    (made,) = buyer.sessions()
    buyer.story.sweep(SWEEP)
    assert (buyer.order().session_id, buyer.order().state) == (made["id"], "open")

    buyer.pay(made["id"])
    buyer.story.move(minutes=5)
    buyer.story.sweep(SWEEP)
    assert (buyer.order().state, buyer.story.the_key().customer_id) == ("paid", buyer.customer_id)


def test_what_nobody_paid_is_closed(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    buyer.story.sweep(SWEEP)
    assert buyer.order().state == "open"
    buyer.story.move(hours=24, minutes=5)
    buyer.story.sweep(SWEEP)
    assert buyer.order().state == "expired"
    assert buyer.order().closed_at is not None

    buyer.story.sandbox.judge.seen.clear()
    buyer.story.move(minutes=5)
    buyer.story.sweep(SWEEP)
    assert buyer.story.sandbox.judge.seen == []


def test_an_order_that_never_came_to_a_checkout_is_closed_after_a_day(buyer: Buyer) -> None:
    price = buyer.plan()
    buyer.story.accident("rate_limited", path="/v1/checkout/sessions", method="POST")
    buyer.buy(price, status=503)
    buyer.story.sweep(SWEEP)
    assert buyer.order().state == "open"
    buyer.story.move(hours=26)
    buyer.story.sweep(SWEEP)
    assert buyer.order().state == "expired"


def test_an_order_of_the_other_mode_is_left_alone(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    account = db.session.get(StripeAccount, buyer.story.vendor_id)
    assert account is not None
    account.livemode = True
    db.session.commit()
    buyer.story.sandbox.judge.seen.clear()
    buyer.story.sweep(SWEEP)
    assert buyer.story.sandbox.judge.seen == []


@pytest.mark.parametrize("kind", ["plan", "once"])
def test_row_16_a_bank_that_pays_later_is_waited_for(buyer: Buyer, kind: str) -> None:
    session = buyer.buy(getattr(buyer, kind)())
    buyer.pay(session, "bank_pays_later")
    buyer.story.sweep(SWEEP)
    assert (buyer.order().state, buyer.story.licenses()) == ("waiting", [])

    buyer.story.do("settle", session, paid=True)
    buyer.story.move(hours=1)
    buyer.story.sweep("fulfillment.sweep_ending")
    assert (buyer.order().state, len(buyer.story.licenses())) == ("paid", 1)


@pytest.mark.parametrize("kind", ["plan", "once"])
def test_row_16_a_bank_that_refuses_ends_the_order(buyer: Buyer, kind: str) -> None:
    session = buyer.buy(getattr(buyer, kind)())
    buyer.pay(session, "bank_refuses_later")
    buyer.story.sweep(SWEEP)
    buyer.story.do("settle", session, paid=False)
    buyer.story.move(hours=1)
    buyer.story.sweep("fulfillment.sweep_ending")
    assert (buyer.order().state, buyer.story.licenses()) == ("failed", [])


def test_row_7_an_event_settles_the_order_without_any_visit(buyer: Buyer) -> None:
    billing.set_account(vendors.get(buyer.story.vendor_id), webhook_secrets=[SECRET])
    db.session.commit()
    session = buyer.buy(buyer.once())
    buyer.pay(session)
    buyer.story.tell_of("checkout.session.completed", {"id": session, "subscription": None})
    assert (buyer.order().state, buyer.order().stripe_id, len(buyer.story.licenses())) == ("paid", session, 1)


def test_the_order_names_the_customer_before_anything_else(buyer: Buyer) -> None:
    session = buyer.buy(buyer.plan())
    buyer.pay(session)
    (found,) = buyer.sessions()
    other = factories.make_customer(buyer.story.vendor)
    buyer.story.shop.v1.subscriptions.update(found["subscription"], {"metadata": {"skm_customer_id": str(other.id)}})
    db.session.commit()
    buyer.story.sweep(SWEEP)
    assert buyer.story.the_key().customer_id == buyer.customer_id


def test_an_order_of_another_vendor_or_mode_names_nobody(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    order, vendor_id = buyer.order(), buyer.story.vendor_id
    globex = factories.make_vendor(domain="globex.example", name="Globex")
    assert orders.customer_of(vendor_id, order.id, False) == buyer.customer_id
    assert orders.customer_of(vendor_id, order.id, True) is None
    assert orders.customer_of(globex.id, order.id, False) is None
    assert orders.customer_of(vendor_id, "", False) is None
    assert orders.customer_of(vendor_id, "order_x" * 20, False) is None


def test_stripe_being_away_puts_the_look_off_and_loses_nothing(buyer: Buyer) -> None:
    buyer.pay(buyer.buy(buyer.plan()))
    buyer.story.accident("server_error", path="/v1/checkout/sessions", method="GET", times=3)
    outbox.queue_job(SWEEP, vendor_id=None)
    assert buyer.story.work().failed == 1
    assert buyer.story.licenses() == []
    buyer.story.move(hours=1)
    assert buyer.story.work().failed == 0
    assert buyer.order().state == "paid"


def test_the_vendors_own_single_payment_with_an_invoice_makes_one_key(buyer: Buyer) -> None:
    session = buyer.buy(buyer.once())
    buyer.pay(session)
    buyer.come_back()
    buyer.story.sweep("webhooks.sweep_events")
    buyer.story.sweep("fulfillment.sweep_all")
    assert len(buyer.story.licenses()) == 1


def test_the_history_stands_on_the_billing_page(buyer: Buyer) -> None:
    price, once = buyer.plan(), buyer.once()
    assert "Purchases" not in buyer.page.get(f"{BASE}Billing").text
    buyer.pay(buyer.buy(price))
    buyer.come_back()
    session = buyer.buy(once)
    buyer.pay(session, "bank_refuses_later")
    buyer.story.sweep(SWEEP)
    text = buyer.page.get(f"{BASE}Billing").text
    assert "Widget Studio $99.00 once" in text
    assert "Waiting for the bank" in text
    buyer.story.do("settle", session, paid=False)
    buyer.page.get(f"{BASE}Billing/Return?order={next(one.id for one in buyer.orders() if one.mode == 'payment')}")
    text = buyer.page.get(f"{BASE}Billing").text
    assert "Failed" in text
    assert "Paid" in text


def test_a_page_of_stripe_that_is_not_the_stored_one_is_not_taken(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    stored = orders.plain(buyer.order())
    again = orders.keep_session(stored, "cs_other", "https://checkout.stripe.com/c/pay/cs_other")
    assert again.session_id == stored.session_id
    assert again.session_url == stored.session_url
