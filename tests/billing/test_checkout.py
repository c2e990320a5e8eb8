"""From *Buy* to Stripe's page to pay on: the order first, one page whatever is clicked, and friendly failures."""

from __future__ import annotations

import contextvars
import threading

import pytest
from sqlalchemy import select

from portal.account.models import User
from portal.audit.models import AuditEntry
from portal.billing import checkout
from portal.billing import service as billing
from portal.billing.models import StripeCustomer
from portal.extensions import db
from portal.fulfillment import seeds
from portal.vendors import service as vendors
from tests import factories
from tests.billing.buying import BASE, Buyer
from tests.support.page import Page


def ids_of(buyer: Buyer) -> dict[str, str]:
    """The metadata that everything of the one order carries."""
    return {
        "skm_customer_id": str(buyer.customer_id),
        "latchkey_order": buyer.order().id,
        "latchkey_instance": seeds.instance_of(buyer.story.vendor_id),
    }


def test_a_subscription_carries_our_ids_and_the_temporary_text(buyer: Buyer) -> None:
    session_id = buyer.buy(buyer.plan(metadata={"latchkey_trial_days": "14"}), quantity="2")
    buyer.pay(session_id)
    (session,) = buyer.sessions()
    subscription = buyer.story.shop.v1.subscriptions.retrieve(session["subscription"]).to_dict()
    order = buyer.order()

    assert (session["id"], order.session_id, session["client_reference_id"]) == (session_id, session_id, order.id)
    assert session["metadata"] == ids_of(buyer)
    assert subscription["metadata"] == {**ids_of(buyer), "skm_temp_var": checkout.NO_KEY_YET}
    assert (subscription["status"], subscription["items"]["data"][0]["quantity"]) == ("trialing", 2)
    back = f"http://localhost{BASE}Billing/Return?order={order.id}&session={{CHECKOUT_SESSION_ID}}"
    assert (session["success_url"], session["cancel_url"]) == (back, f"http://localhost{BASE}Plans")
    assert session["mode"] == "subscription"


@pytest.mark.parametrize(("chosen", "locale"), [("", "auto"), ("de", "de"), ("xx", "auto")])
def test_stripes_page_speaks_the_language_that_was_chosen_or_the_browsers(
    buyer: Buyer, chosen: str, locale: str
) -> None:
    db.session.query(User).update({"language": chosen})
    db.session.commit()
    buyer.buy(buyer.plan())

    assert [session["locale"] for session in buyer.sessions()] == [locale]


def test_a_single_payment_carries_our_ids_down_to_its_invoice(buyer: Buyer) -> None:
    buyer.pay(buyer.buy(buyer.once()))
    (session,) = buyer.sessions()
    api = buyer.story.shop.v1

    assert session["metadata"] == ids_of(buyer)
    assert api.payment_intents.retrieve(session["payment_intent"]).to_dict()["metadata"] == ids_of(buyer)
    assert api.invoices.retrieve(session["invoice"]).to_dict()["metadata"] == ids_of(buyer)


def test_the_order_is_there_before_stripe_hears_of_it(buyer: Buyer) -> None:
    price = buyer.plan()
    buyer.story.accident("rate_limited", path="/v1/customers", method="GET")
    buyer.buy(price, status=503)
    order = buyer.order()

    assert (order.state, order.session_id, order.customer_id, order.user_id) == ("open", "", 1, buyer.user_id)
    assert "Nothing was charged" in buyer.page.text
    buyer.page.submit()
    assert buyer.session_in(buyer.page.location) == buyer.order().session_id
    assert buyer.order().id == order.id
    entries = db.session.scalars(select(AuditEntry.action).where(AuditEntry.action == "order.begin")).all()
    assert len(entries) == 1


def test_the_address_is_sealed_and_goes_when_the_order_closes(buyer: Buyer) -> None:
    session = buyer.buy(buyer.plan())
    kept = buyer.order().session_url
    assert kept.startswith("v1:")
    assert session not in kept
    buyer.pay(session)
    buyer.come_back()
    assert buyer.order().session_url == ""


def test_clicking_again_leads_to_the_same_page(buyer: Buyer) -> None:
    price = buyer.plan()
    first = buyer.buy(price)
    buyer.story.sandbox.judge.seen.clear()
    assert buyer.press(price) == first
    assert buyer.story.sandbox.judge.seen == []  # a double click asks nothing of Stripe

    buyer.wait(hours=3)
    assert buyer.press(price) == first
    assert len(buyer.sessions()) == len(buyer.orders()) == 1


def test_a_closed_page_is_replaced_by_a_new_order(buyer: Buyer) -> None:
    price = buyer.plan()
    first = buyer.buy(price)
    buyer.wait(hours=25)
    second = buyer.press(price)

    assert second != first
    assert [(order.state, order.session_id) for order in buyer.orders()] == [("expired", first), ("open", second)]


def test_another_quantity_closes_the_page_and_opens_another(buyer: Buyer) -> None:
    price = buyer.plan()
    first = buyer.buy(price, quantity="1")
    second = buyer.buy(price, quantity="3")

    assert [one["status"] for one in buyer.sessions()] == ["open", "expired"]
    assert [(order.state, order.quantity) for order in buyer.orders()] == [("expired", 1), ("open", 3)]
    assert first != second


def test_a_paid_page_leads_to_the_key_instead_of_a_second_purchase(buyer: Buyer) -> None:
    price = buyer.plan()
    buyer.pay(buyer.buy(price))
    buyer.story.move(minutes=2)
    order = buyer.order()
    assert buyer.press(price) == f"{BASE}Billing/Return?order={order.id}"
    assert buyer.press(price, quantity="5") == f"{BASE}Billing/Return?order={order.id}"
    assert "Your license key" in buyer.page.follow().text
    assert len(buyer.sessions()) == 1

    assert buyer.press(price) not in ("", order.session_id)  # now it is another purchase
    assert len(buyer.orders()) == 2


def test_a_purchase_that_waits_for_the_bank_is_not_made_twice_by_mistake(buyer: Buyer) -> None:
    price = buyer.once()
    buyer.pay(buyer.buy(price), "bank_pays_later")
    buyer.come_back()
    assert buyer.order().state == "waiting"
    assert "Billing/Return" in buyer.press(price)
    assert "Please do not pay again" in buyer.page.follow().text
    buyer.page.submit(form='form:has(input[name="again"])')
    assert buyer.page.location.startswith(buyer.story.sandbox.url)


@pytest.mark.parametrize("kind", ["lost_reply", "server_error", "server_error_after_commit", "conflict", "time_out"])
@pytest.mark.parametrize("times", [1, 2])
def test_whatever_happens_to_the_call_one_page_is_made(buyer: Buyer, kind: str, times: int) -> None:
    price = buyer.plan()
    for _time in range(times):
        buyer.story.accident(kind, path="/v1/checkout/sessions", method="POST", seconds=0)
    session = ""
    for _click in range(3):
        status = buyer.press_any(price)
        if status == 303:
            session = buyer.session_in(buyer.page.location)
            break
        assert "Try again" in buyer.page.text

    assert buyer.order().session_id == session != ""
    assert [one["id"] for one in buyer.sessions()] == [session]


def test_too_many_calls_are_told_and_the_next_click_works(buyer: Buyer) -> None:
    price = buyer.plan()
    buyer.story.accident("rate_limited", path="/v1/checkout/sessions")
    buyer.buy(price, status=503)
    assert "Try again" in buyer.page.text
    buyer.page.submit()
    assert len(buyer.sessions()) == 1


def test_other_parameters_under_the_same_key_look_first(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    price = buyer.plan()
    buyer.story.accident("lost_reply", path="/v1/checkout/sessions", method="POST")
    buyer.story.accident("rate_limited", path="/v1/checkout/sessions", method="POST")
    buyer.buy(price, status=503)
    (made,) = buyer.sessions()
    monkeypatch.setattr(checkout, "_locale", lambda language: "de")

    assert buyer.press(price) == made["id"]
    assert len(buyer.sessions()) == 1


def test_a_lost_page_is_found_by_its_metadata_when_the_key_is_forgotten(buyer: Buyer) -> None:
    price = buyer.plan()
    buyer.story.accident("lost_reply", path="/v1/checkout/sessions", method="POST")
    buyer.story.accident("rate_limited", path="/v1/checkout/sessions", method="POST")
    buyer.buy(price, status=503)
    (made,) = buyer.sessions()
    buyer.wait(hours=23.5)

    assert buyer.press(price) == made["id"]
    assert buyer.order().session_id == made["id"]


def test_a_customer_that_stripe_lost_is_made_again(buyer: Buyer) -> None:
    price = buyer.plan()
    buyer.buy(price)
    lost = db.session.scalars(select(StripeCustomer)).one().stripe_id
    db.session.commit()
    buyer.story.shop.v1.customers.delete(str(lost))
    buyer.wait(hours=25)
    session = buyer.press(price)

    now = db.session.scalars(select(StripeCustomer)).one()
    assert now.stripe_id != lost
    assert (buyer.sessions()[0]["id"], buyer.sessions()[0]["customer"]) == (session, now.stripe_id)


def test_a_price_archived_meanwhile_is_refused_and_the_plans_are_read_again(buyer: Buyer) -> None:
    price = buyer.plan()
    buyer.story.shop.v1.prices.update(price, {"active": False})
    buyer.buy(price, status=503)
    assert buyer.order().state == "expired"

    buyer.story.move(minutes=5)
    buyer.story.work()
    assert buyer.table() == {price: "inactive"}
    assert "Nothing to buy" in buyer.page.get(f"{BASE}Plans").text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"price": "price_unknown"}, "not sold any more"),
        ({"price": ""}, "not sold any more"),
        ({"price": "price_" + "x" * 5000}, "not sold any more"),
        ({"customer": "999"}, "no such customer"),
        ({"customer": "1' OR 1=1"}, "no such customer"),
    ],
)
def test_what_cannot_be_bought_is_said_on_the_plans_page(buyer: Buyer, typed: dict[str, str], said: str) -> None:
    price = buyer.plan()
    assert buyer.press(typed.pop("price", price), **typed) == f"{BASE}Plans"
    assert said in buyer.page.follow().text
    assert buyer.orders() == []


@pytest.mark.parametrize("quantity", ["0", "100", "many", "-1", "1.5"])
def test_a_quantity_that_cannot_be_is_said_beside_its_field_and_kept(buyer: Buyer, quantity: str) -> None:
    other, price = buyer.plan(), buyer.plan()
    buyer.buy(price, quantity=quantity, status=422)
    field = buyer.page.soup.select_one(f'.price form:has(input[value="{price}"]) input[name=quantity]')
    assert field is not None
    assert (field["value"], field["aria-invalid"]) == (quantity, "true")
    assert "from 1 to 99" in buyer.page.soup.select_one(f"#{field['aria-describedby']}").get_text()  # type: ignore[union-attr]
    assert [one["value"] for one in buyer.page.soup.select(f"#q-{other}")] == ["1"]
    assert buyer.orders() == []

    buyer.page.submit({"quantity": "2"}, form=f'.price form:has(input[value="{price}"])')
    assert buyer.order().quantity == 2


def test_who_has_several_customers_says_for_which(buyer: Buyer) -> None:
    price = buyer.plan()
    second = factories.make_customer(buyer.story.vendor, name="Globex Research")
    factories.make_association(db.session.get(factories.User, buyer.user_id), second)  # type: ignore[arg-type]
    assert buyer.press(price) == f"{BASE}Plans"
    assert "Choose whom you buy for" in buyer.page.follow().text
    buyer.buy(price, customer=str(second.id))
    assert buyer.order().customer_id == second.id


def test_open_terms_are_asked_first(buyer: Buyer) -> None:
    price = buyer.plan()
    page = buyer.page.get(f"{BASE}Plans")
    factories.set_terms(buyer.story.vendor)
    page.submit(form=".price form")
    assert page.location == f"{BASE}Terms?next=%2FPortal%2F%40acme.example%2FPlans"
    page.follow().submit({"accept_terms": "y"})
    assert page.location == f"{BASE}Plans"
    assert buyer.orders() == []
    assert price in page.follow().html


def test_a_trial_is_for_the_first_purchase_of_a_product(buyer: Buyer) -> None:
    price = buyer.plan(metadata={"latchkey_trial_days": "14"})
    assert "14 days free" in buyer.page.get(f"{BASE}Plans").text
    buyer.pay(buyer.buy(price))
    buyer.come_back()
    assert "days free" not in buyer.page.get(f"{BASE}Plans").text
    buyer.pay(buyer.buy(price))
    subscriptions = buyer.story.shop.v1.subscriptions.list({}).to_dict()["data"]
    assert [one["status"] for one in subscriptions] == ["active", "trialing"]


def test_two_vendors_orders_have_nothing_to_do_with_each_other(buyer: Buyer) -> None:
    buyer.buy(buyer.plan())
    globex = factories.make_vendor(domain="globex.example", name="Globex")
    page = Page(buyer.app).sign_in(factories.make_customer_user(globex))
    page.get(f"/Portal/@globex.example/Billing/Return?order={buyer.order().id}", status=404)


def test_clicks_without_end_are_slowed_down(buyer: Buyer) -> None:
    price = buyer.plan()
    for _click in range(20):
        buyer.press(price)
    buyer.press(price, status=429)


@pytest.mark.parametrize("accident", ["", "server_error", "server_error_after_commit", "lost_reply"])
def test_clicks_that_race_make_one_page(buyer: Buyer, accident: str) -> None:
    price = buyer.plan()
    pages = []
    for _tab in range(4):
        page = Page(buyer.app)
        page.sign_in(db.session.get(factories.User, buyer.user_id))  # type: ignore[arg-type]
        pages.append((page, str(page.get(f"{BASE}Plans").soup.select_one("input[name=csrf_token]")["value"])))  # type: ignore[index]
    if accident:
        buyer.story.accident(accident, path="/v1/checkout/sessions", method="POST")
    db.session.remove()
    start = threading.Barrier(len(pages))

    def click(page: Page, token: str) -> None:
        start.wait()
        page.response = page.client.post(
            f"{BASE}Billing/Checkout", data={"csrf_token": token, "price": price}, base_url="http://localhost"
        )

    threads = [threading.Thread(target=contextvars.Context().run, args=(click, *one)) for one in pages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    landed = {buyer.session_in(page.location) for page, _token in pages if page.response.status_code == 303}
    assert {page.response.status_code for page, _token in pages} <= {303, 503}
    assert len(buyer.orders()) == len(buyer.sessions()) == 1
    assert buyer.press(price) == buyer.sessions()[0]["id"]
    assert landed <= {buyer.order().session_id}
    assert len(buyer.story.shop.v1.customers.list({}).data) == 1


def test_the_address_must_be_stripes(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    price = buyer.plan()
    monkeypatch.setattr("portal.billing.portal_sessions.may_lead_to", lambda vendor, url: False)
    buyer.buy(price, status=503)
    assert "an address we do not know" in buyer.page.text
    buyer.press(price, status=503)


def test_without_a_key_nothing_is_sold(buyer: Buyer) -> None:
    price = buyer.plan()
    page = buyer.page.get(f"{BASE}Plans")
    token = str(page.soup.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]
    billing.set_account(vendors.get(buyer.story.vendor_id), api_key="")
    db.session.commit()
    page.post(f"{BASE}Billing/Checkout", {"csrf_token": token, "price": price})
    assert "takes no orders here" in page.follow().text
