"""The way to the payment: customer, checkout, and the way back. Rows 1 to 6."""

from __future__ import annotations

import pytest

from portal.account.models import User
from portal.billing import checkout
from portal.billing.models import StripeCustomer
from portal.extensions import db
from tests.billing.buying import Buyer
from tests.support.page import Page


@pytest.mark.parametrize("lost", ["our row", "the answer"])
def test_01_the_stripe_customer_was_made_and_our_note_of_it_lost(buyer: Buyer, lost: str) -> None:
    if lost == "the answer":
        buyer.story.accident("lost_reply", path="/v1/customers", method="POST")
    buyer.buy(buyer.plan())
    if lost == "our row":
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


@pytest.mark.parametrize("kind", ["server_error", "server_error_after_commit", "other parameters"])
def test_04_an_error_is_replayed_under_the_same_idempotency_key(
    buyer: Buyer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    price = buyer.plan()
    accidents = ["lost_reply", "rate_limited"] if kind == "other parameters" else [kind]
    for accident in accidents:
        buyer.story.accident(accident, path="/v1/checkout/sessions", method="POST")
    if kind == "other parameters":
        buyer.buy(price, status=503)
        monkeypatch.setattr(checkout, "_locale", lambda language: "de")
    for _click in range(3):
        if buyer.press_any(price) == 303:
            break
    buyer.pay(buyer.order().session_id)
    buyer.come_back()

    assert len(buyer.sessions()) == len(buyer.story.licenses()) == 1


@pytest.mark.parametrize("way", ["event", "sweep"])
def test_05_paid_and_the_browser_closed_before_return(buyer: Buyer, way: str) -> None:
    session = buyer.buy(buyer.once('{"F2": true}'))
    buyer.come_back(session)
    assert buyer.story.licenses() == [], "an address proves nothing"

    buyer.pay(session)
    if way == "event":
        buyer.story.trust()
        buyer.story.tell_of("checkout.session.completed", {"id": session, "subscription": None})
    else:
        buyer.story.sweep("fulfillment.sweep_orders")
    key = buyer.story.the_key()
    assert (key.active_features, key.block, key.customer_id) == (["f2"], False, buyer.customer_id)
    assert buyer.story.units()[0].paid_until is None


def test_06_back_on_the_return_page_before_any_event(buyer: Buyer) -> None:
    buyer.pay(buyer.buy(buyer.plan()))
    page = buyer.come_back()

    assert buyer.story.events() == []
    assert buyer.story.the_key().key in {str(field.get("value")) for field in page.soup.select("input")}
