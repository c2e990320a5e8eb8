"""Back from the page to pay on: the truth in every state, asked of Stripe, about own orders only."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from portal.associate.models import Association
from portal.billing import return_views
from portal.extensions import db
from tests import factories
from tests.billing.buying import BASE, Buyer
from tests.support.page import Page
from tests.support.queries import counted


def refresh(page: Page) -> tuple[int, str]:
    """Seconds and address of the page's own refresh; (0, "") without one."""
    header = page.response.headers.get("Refresh", "")
    found = re.fullmatch(r"(\d+); url=(/\S+)", header)
    assert found or not header, header
    return (int(found[1]), found[2]) if found else (0, "")


@pytest.mark.parametrize("kind", ["plan", "once"])
def test_row_6_the_key_is_on_the_screen_before_any_event(buyer: Buyer, kind: str) -> None:
    session = buyer.buy(getattr(buyer, kind)('{"F2": true}'))
    buyer.pay(session)
    page = buyer.come_back(session)

    key = buyer.story.the_key()
    assert "Your license key" in page.text
    assert page.soup.select_one("input[readonly]")["value"] == key.key  # type: ignore[index]
    assert page.soup.select_one(f'a[href="{BASE}Licenses/{key.global_id}"]')
    assert refresh(page) == (0, "")
    assert (key.customer_id, buyer.order().state) == (buyer.customer_id, "paid")
    assert page.response.headers["Cache-Control"] == "no-store"


def test_coming_back_again_and_again_changes_nothing(buyer: Buyer) -> None:
    buyer.pay(buyer.buy(buyer.plan(), quantity="3"))
    for _time in range(3):
        assert "Your license keys" in buyer.come_back().text
    buyer.story.sandbox.judge.seen.clear()
    buyer.come_back()
    assert len(buyer.story.licenses()) == 3
    assert buyer.story.sandbox.judge.seen == []


def test_orders_that_are_not_paid_yet_are_told_apart_and_do_not_deny_a_payment(buyer: Buyer) -> None:
    buyer.buy(buyer.plan(), quantity="2")
    session = buyer.buy(buyer.plan(recurring={"interval": "year"}, amount=19000))
    buyer.pay(session)
    buyer.page.get(f"{BASE}Plans")
    told = [one.get_text() for one in buyer.page.soup.select(".note strong")]
    assert sorted(told) == [
        "You began to buy Widget Studio × 2, $19.00 per month",
        "You began to buy Widget Studio, $190.00 per year",
    ]
    assert "not finished" not in buyer.page.text

    buyer.page.get(str(buyer.page.soup.select_one('.note form:has(input[value="1"]) a')["href"]))  # type: ignore[index]
    assert "Your license key" in buyer.page.text
    notes = buyer.page.get(f"{BASE}Plans").soup.select(".note strong")
    assert [one.get_text() for one in notes] == ["You began to buy Widget Studio × 2, $19.00 per month"]


def test_who_buys_for_two_is_promised_a_trial_while_one_still_gets_it(buyer: Buyer) -> None:
    price = buyer.plan(metadata={"latchkey_trial_days": "14"})
    second = factories.make_customer(buyer.story.vendor, name="Globex Research")
    factories.make_association(db.session.get(factories.User, buyer.user_id), second)  # type: ignore[arg-type]
    for customer, promised in ((buyer.customer_id, True), (second.id, False)):
        buyer.pay(buyer.buy(price, customer=str(customer)))
        buyer.page.get(f"{BASE}Billing/Return?order={buyer.orders()[-1].id}")
        assert ("14 days free" in buyer.page.get(f"{BASE}Plans").text) is promised


def test_row_5_nothing_in_the_address_makes_a_key(buyer: Buyer) -> None:
    session = buyer.buy(buyer.plan())
    stranger = buyer.story.checkout(buyer.story.customer(), buyer.story.once())
    buyer.pay(stranger.id)
    for claimed in (session, stranger.id, "cs_test_paid", "", "{CHECKOUT_SESSION_ID}"):
        page = buyer.come_back(claimed)
        assert "Not paid yet" in page.text
    assert (buyer.story.licenses(), buyer.order().state) == ([], "open")


def test_an_order_that_is_not_mine_is_not_found(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    path = f"{BASE}Billing/Return?order={buyer.order().id}"
    other = Page(buyer.app).sign_in(factories.make_customer_user(buyer.story.vendor))
    other.get(path, status=404)
    for wrong in ("", "order_unknown", "x" * 900, "%27", "1%2C2"):
        other.get(f"{BASE}Billing/Return?order={wrong}", status=404)
    Page(buyer.app).get(path, status=303)


def test_not_paid_yet_looks_again_a_bounded_number_of_times(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    page, turns = buyer.come_back(), 1
    assert "Not paid yet" in page.text
    assert "looks again by itself" in page.text
    while refresh(page)[1] and turns < 50:
        page.get(refresh(page)[1])
        turns += 1
    assert turns == len(return_views.PAUSES) + 1
    assert "Look again" in page.text
    page.submit()
    assert buyer.session_in(page.location) == buyer.order().session_id


@pytest.mark.parametrize("turn", ["-1", "99", "1e3", "999999999999", "x", ""])
def test_a_made_up_turn_does_no_harm(buyer: Buyer, turn: str) -> None:
    buyer.buy(buyer.plan())
    buyer.page.get(f"{BASE}Billing/Return?order={buyer.order().id}&turn={turn}")
    assert refresh(buyer.page) == (0, "")


def test_paid_but_the_key_cannot_be_made_yet(buyer: Buyer) -> None:
    price = buyer.plan()
    session = buyer.buy(price)
    buyer.story.shop.v1.prices.update(price, {"metadata": {"skm": "{"}})
    buyer.pay(session)
    page = buyer.come_back()
    assert "Your key is being made" in page.text
    assert refresh(page)[0] > 0
    assert buyer.order().state == "paid"

    buyer.story.shop.v1.prices.update(price, {"metadata": {"skm": ""}})
    buyer.page.get(refresh(page)[1])
    assert "Your license key" in buyer.page.text


@pytest.mark.parametrize("kind", ["plan", "once"])
def test_a_bank_is_waited_for_and_then_pays(buyer: Buyer, kind: str) -> None:
    session = buyer.buy(getattr(buyer, kind)())
    buyer.pay(session, "bank_pays_later")
    page = buyer.come_back()
    assert "Waiting for your bank" in page.text
    assert "Please do not pay again" in page.text
    assert refresh(page) == (0, "")
    assert "Waiting for your bank: Widget Studio" in buyer.page.get(f"{BASE}Plans").text

    buyer.story.do("settle", session, paid=True)
    assert "Your license key" in buyer.come_back().text


@pytest.mark.parametrize("kind", ["plan", "once"])
def test_a_bank_is_waited_for_and_refuses(buyer: Buyer, kind: str) -> None:
    session = buyer.buy(getattr(buyer, kind)())
    buyer.pay(session, "bank_refuses_later")
    buyer.come_back()
    buyer.story.do("settle", session, paid=False)
    page = buyer.come_back()
    assert "The payment failed" in page.text
    assert buyer.story.licenses() == []
    page.submit()
    if kind == "plan":  # its subscription waits for another card
        assert page.location.startswith(f"{buyer.story.sandbox.url}/p/session/")
    else:
        assert buyer.session_in(page.location) != session


def test_what_was_abandoned_has_ended_and_can_be_bought_again(buyer: Buyer) -> None:
    session = buyer.buy(buyer.plan())
    buyer.wait(hours=24.5)
    page = buyer.come_back()
    assert "This purchase has ended" in page.text
    page.submit()
    assert buyer.session_in(page.location) != session


def test_while_stripe_is_away_the_page_says_so_and_heals(buyer: Buyer) -> None:
    buyer.pay(buyer.buy(buyer.plan()))
    settings = buyer.app.extensions["settings"]
    buyer.app.extensions["settings"] = replace(settings, stripe_api_base="http://127.0.0.1:9")
    try:
        page = buyer.come_back()
    finally:
        buyer.app.extensions["settings"] = settings
    assert "Stripe does not answer" in page.text
    assert "Please do not pay again" in page.text
    buyer.page.get(refresh(page)[1])
    assert "Your license key" in buyer.page.text


@pytest.mark.parametrize("kind", ["server_error", "rate_limited", "conflict", "lost_reply"])
def test_a_mishap_while_asking_is_no_statement_about_the_money(buyer: Buyer, kind: str) -> None:
    buyer.pay(buyer.buy(buyer.plan()))
    buyer.story.accident(kind, path="/v1/subscriptions", method="GET")
    assert "Stripe does not answer" in buyer.come_back().text
    assert buyer.order().state == "open"
    assert "Your license key" in buyer.come_back().text


def test_open_terms_come_before_the_key_and_then_it_is_shown(buyer: Buyer) -> None:
    buyer.pay(buyer.buy(buyer.plan()))
    factories.set_terms(buyer.story.vendor)
    page = buyer.page.get(f"{BASE}Billing/Return?order={buyer.order().id}&session=cs_1", status=303)
    assert page.location.startswith(f"{BASE}Terms?next=")
    page.follow().submit({"accept_terms": "y"})
    assert "Your license key" in page.follow().text


def test_coming_back_too_often_asks_stripe_no_more(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    for _time in range(30):
        buyer.come_back()
    buyer.story.sandbox.judge.seen.clear()
    assert "We could not ask Stripe" in buyer.come_back().text
    assert buyer.story.sandbox.judge.seen == []


def test_a_removed_association_takes_the_order_out_of_sight(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    order_id = buyer.order().id
    db.session.delete(db.session.scalars(select(Association)).one())
    db.session.commit()
    buyer.page.get(f"{BASE}Billing/Return?order={order_id}", status=303)


def test_the_pages_send_a_bounded_number_of_statements(buyer: Buyer) -> None:
    for amount in range(100, 112):
        buyer.story.plan(amount=amount)
    buyer.sync()
    buyer.pay(buyer.buy(next(iter(buyer.table())), quantity="9"))
    buyer.come_back()
    with counted(buyer.app) as plans_page:
        buyer.page.get(f"{BASE}Plans")
    with counted(buyer.app) as return_page:
        buyer.come_back()
    assert len([one for one in plans_page if one.startswith("SELECT")]) <= 8, plans_page
    assert len([one for one in return_page if one.startswith("SELECT")]) <= 8, return_page
