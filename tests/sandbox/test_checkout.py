"""Checkout: sessions, the hosted page, and what a payment makes."""

import pytest
import stripe

from tests.sandbox.inbox import ORIGIN
from tests.sandbox.visitor import Visitor
from tests.support.sandbox_server import DAY

DONE = "https://shop.example/done?session={CHECKOUT_SESSION_ID}"
LATER_OK, LATER_BAD = "bank_pays_later", "bank_refuses_later"


@pytest.fixture
def once(client, shop):
    """$49.00, sold once."""
    return client.v1.prices.create({"product": shop.product.id, "currency": "usd", "unit_amount": 4900})


@pytest.fixture
def begin(client, shop):
    """Make a session; a subscription to the monthly price unless told otherwise."""

    def make(price=None, mode="subscription", quantity=1, **more):
        return client.v1.checkout.sessions.create(
            {
                "mode": mode,
                "line_items": [{"price": (price or shop.monthly).id, "quantity": quantity}],
                "success_url": DONE,
                "cancel_url": "https://shop.example/plans",
                **more,
            }
        )

    return make


@pytest.fixture
def pay(sandbox):
    """Open the session's page and pay with this."""

    def send(session, means="pm_card_visa", email="ada@example.com"):
        person = Visitor(sandbox.url).open(session.url)
        known = not person.soup.select("#email")
        return person.send("Pay", means=means, **({} if known else {"email": email}))

    return send


def types(client):
    return [event.type for event in client.v1.events.list({"limit": 100}).data]


def test_a_subscription_is_made_by_paying_not_before(client, shop, begin, pay):
    customer = shop.customer(None)
    session = begin(
        customer=customer.id,
        client_reference_id="order_1",
        metadata={"latchkey_order": "1"},
        subscription_data={"metadata": {"skm_customer_id": "5"}},
    )
    assert (session.status, session.payment_status, session.subscription) == ("open", "unpaid", None)

    person = pay(session)
    found = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items", "subscription", "customer"]})
    subscription = found.subscription
    invoice = client.v1.invoices.retrieve(subscription.latest_invoice)

    assert person.left_for == f"https://shop.example/done?session={session.id}"
    assert (found.status, found.payment_status, found.url) == ("complete", "paid", None)
    assert (found.customer.id, found.client_reference_id) == (customer.id, "order_1")
    assert found.line_items.data[0].price.id == shop.monthly.id
    assert (subscription.status, subscription.metadata["skm_customer_id"]) == ("active", "5")
    assert found.payment_intent is None
    assert found.invoice == invoice.id
    assert (invoice.status, invoice.amount_paid) == ("paid", 1000)
    assert invoice.parent.subscription_details.metadata["skm_customer_id"] == "5"
    assert types(client).count("checkout.session.completed") == 1


def test_the_way_from_a_charge_back_to_the_subscription(client, begin, pay):
    pay(begin())
    [charge] = client.v1.charges.list().data
    [payment] = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": charge.payment_intent}, "expand": ["data.invoice"]}
    ).data
    subscription = client.v1.subscriptions.list().data[0]

    assert (charge.status, charge.amount, charge.paid) == ("succeeded", 1000, True)
    assert (payment.status, payment.amount_paid) == ("paid", 1000)
    assert payment.invoice.parent.subscription_details.subscription == subscription.id
    assert [entry.id for entry in client.v1.checkout.sessions.list({"subscription": subscription.id}).data]


def test_a_single_payment(client, once, begin, pay):
    session = begin(
        once,
        "payment",
        3,
        customer_creation="always",
        payment_intent_data={"metadata": {"latchkey_order": "9"}},
        invoice_creation={"enabled": True, "invoice_data": {"metadata": {"latchkey_order": "9"}}},
    )
    pay(session, email="grace@example.com")
    found = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge", "invoice"]})

    assert (found.payment_status, found.amount_total, found.subscription) == ("paid", 14_700, None)
    assert found.payment_intent.metadata["latchkey_order"] == "9"
    assert found.payment_intent.latest_charge.metadata["latchkey_order"] == "9"
    assert (found.invoice.status, found.invoice.metadata["latchkey_order"]) == ("paid", "9")
    assert found.invoice.parent is None
    assert found.customer_details.email == "grace@example.com"
    assert client.v1.customers.retrieve(found.customer).email == "grace@example.com"


def test_a_guest_has_no_customer(client, once, begin, pay):
    session = begin(once, "payment")
    pay(session)
    found = client.v1.checkout.sessions.retrieve(session.id)

    assert (found.payment_status, found.customer, found.invoice) == ("paid", None, None)
    assert client.v1.customers.list().data == []


@pytest.mark.parametrize("mode", ["subscription", "payment"])
def test_a_bank_pays_later(client, sandbox, once, begin, pay, mode):
    session = begin(None if mode == "subscription" else once, mode)
    pay(session, LATER_OK)
    waiting = client.v1.checkout.sessions.retrieve(session.id)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert "invoice.paid" not in types(client)

    sandbox.clock.move(days=4)
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert types(client).count("checkout.session.async_payment_succeeded") == 1
    if mode == "subscription":
        assert client.v1.subscriptions.retrieve(waiting.subscription).status == "active"
        assert client.v1.invoices.retrieve(waiting.invoice).status == "paid"
    else:
        assert client.v1.payment_intents.retrieve(waiting.payment_intent).status == "succeeded"


@pytest.mark.parametrize("mode", ["subscription", "payment"])
def test_a_bank_refuses_later(client, sandbox, once, begin, pay, mode):
    session = begin(None if mode == "subscription" else once, mode)
    pay(session, LATER_BAD)
    sandbox.clock.move(days=4)
    found = client.v1.checkout.sessions.retrieve(session.id)

    assert found.payment_status == "unpaid"
    assert types(client).count("checkout.session.async_payment_failed") == 1
    if mode == "subscription":
        assert client.v1.subscriptions.retrieve(found.subscription).status == "past_due"


@pytest.mark.parametrize("means", ["pm_card_chargeDeclined", "pm_card_chargeCustomerFail"])
@pytest.mark.parametrize("mode", ["subscription", "payment"])
def test_a_refused_card_makes_nothing(client, once, begin, pay, means, mode):
    session = begin(None if mode == "subscription" else once, mode)
    person = pay(session, means)

    assert person.status == 422
    assert "declined" in person.text
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert client.v1.subscriptions.list({"status": "all"}).data == []
    assert client.v1.charges.list().data == []
    person.send("Pay", means="pm_card_visa")
    assert client.v1.checkout.sessions.retrieve(session.id).status == "complete"


def test_a_trial_needs_no_payment_today(client, begin, pay):
    session = begin(subscription_data={"trial_period_days": 14})
    person = pay(session)
    found = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})

    assert person.left_for
    assert (found.amount_total, found.payment_status, found.subscription.status) == (
        0,
        "no_payment_required",
        "trialing",
    )


def test_one_session_is_paid_once(client, sandbox, begin, pay):
    session = begin()
    first, second = Visitor(sandbox.url).open(session.url), Visitor(sandbox.url).open(session.url)
    first.send("Pay", email="ada@example.com")
    second.send("Pay", email="ada@example.com")

    assert second.left_for == first.left_for
    assert len(client.v1.subscriptions.list().data) == 1


def test_a_session_expires(client, sandbox, begin):
    by_time, by_hand = begin(expires_at=sandbox.clock() + 3600), begin()
    client.v1.checkout.sessions.expire(by_hand.id)
    sandbox.clock.move(hours=2)
    found = [client.v1.checkout.sessions.retrieve(session.id) for session in (by_time, by_hand)]

    assert [session.status for session in found] == ["expired", "expired"]
    assert types(client).count("checkout.session.expired") == 2
    assert Visitor(sandbox.url).open(by_time.url).status == 410
    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        client.v1.checkout.sessions.expire(by_hand.id)


def test_leaving_without_paying(sandbox, begin):
    person = Visitor(sandbox.url).open(begin().url).click("Go back")

    assert person.left_for == "https://shop.example/plans"


def test_the_page_speaks_the_session_s_language_and_knows_the_address(sandbox, begin):
    person = Visitor(sandbox.url).open(begin(customer_email="ada@example.com", locale="de").url)

    assert person.soup.html["lang"] == "de"
    assert "ada@example.com" in person.text
    assert not person.soup.select("#email")


def test_prices_made_on_the_spot(client, sandbox, pay):
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": DONE,
            "line_items": [
                {"price_data": {"currency": "eur", "unit_amount": 900, "product_data": {"name": "Talk"}}, "quantity": 1}
            ],
        }
    )
    pay(session)
    [item] = client.v1.checkout.sessions.line_items.list(session.id).data

    assert (item.description, item.amount_total, item.currency, item.price.active) == ("Talk", 900, "eur", False)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"mode": ""}, "mode"),
        ({"success_url": ""}, "success_url"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "No such price"),
        ({"customer": "cus_none"}, "No such customer"),
        ({"customer_creation": "always"}, "only be used in `payment` mode"),
        ({"allow_promotion_codes": True}, "unknown parameter"),
        ({"expires_at": 1_780_000_000 + 60}, "at least 30 minutes"),
        ({"expires_at": 1_780_000_000 + 400 * DAY}, "at most 24 hours"),
    ],
)
def test_what_a_session_refuses(begin, more, message):
    with pytest.raises(stripe.InvalidRequestError, match=message):
        begin(**more)


def test_a_customer_and_an_address_exclude_each_other(shop, begin):
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        begin(customer=shop.customer(None).id, customer_email="ada@example.com")


def test_modes_and_prices_must_fit(shop, once, begin):
    with pytest.raises(stripe.InvalidRequestError, match="recurring price"):
        begin(shop.monthly, "payment")
    with pytest.raises(stripe.InvalidRequestError, match="at least one recurring"):
        begin(once)


def test_lists_filter(client, shop, begin, pay):
    customer = shop.customer(None)
    paid, left = begin(customer=customer.id), begin()
    pay(paid)
    listed = client.v1.checkout.sessions.list

    assert [entry.id for entry in listed({"status": "complete"}).data] == [paid.id]
    assert [entry.id for entry in listed({"customer": customer.id}).data] == [paid.id]
    assert [entry.id for entry in listed().data] == [left.id, paid.id]


@pytest.mark.parametrize(
    ("setting", "means", "ends"),
    [
        ("incomplete", LATER_BAD, "incomplete_expired"),
        ("incomplete", LATER_OK, "active"),
        ("active", LATER_BAD, "past_due"),
    ],
)
def test_a_subscription_while_its_bank_decides(client, sandbox, begin, setting, means, ends):
    sandbox.control("settings", subscription_while_processing=setting)
    session = begin()
    sandbox.pay(session.id, means)
    sandbox.control("settings", subscription_while_processing="active")
    made = client.v1.checkout.sessions.retrieve(session.id).subscription
    sandbox.clock.move(days=2)
    assert client.v1.subscriptions.retrieve(made).status == setting

    sandbox.clock.move(days=2)
    assert client.v1.subscriptions.retrieve(made).status == ends


@pytest.mark.parametrize("means", [LATER_OK, LATER_BAD])
def test_an_invoice_paid_out_of_band_does_not_mind_what_the_bank_says(client, sandbox, begin, means):
    session = begin()
    sandbox.pay(session.id, means)
    made = client.v1.checkout.sessions.retrieve(session.id).subscription
    invoice = client.v1.subscriptions.retrieve(made).latest_invoice
    paid = client.v1.invoices.pay(invoice, {"paid_out_of_band": True}).status_transitions.paid_at
    sandbox.clock.move(days=4)

    assert client.v1.subscriptions.retrieve(made).status == "active"
    found = client.v1.invoices.retrieve(invoice)
    assert (found.status, found.status_transitions.paid_at) == ("paid", paid)
    assert found.amount_paid_off_stripe == found.amount_due


def test_a_bank_decides_at_once_when_told(client, sandbox, begin):
    session = begin()
    sandbox.pay(session.id, LATER_BAD)
    sandbox.control(f"do/settle/{session.id}", paid=True)

    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_older_endpoints_see_older_payments(client, sandbox, inbox, begin):
    client.v1.webhook_endpoints.create({"url": f"{ORIGIN}/hook", "enabled_events": ["*"], "api_version": "2024-06-20"})
    sandbox.pay(begin().id)
    sandbox.deliver_due()
    found = {event["type"]: event["data"]["object"] for event in inbox.events}
    invoice, charge = found["invoice.paid"], found["charge.succeeded"]

    assert (invoice["charge"], invoice["payment_intent"]) == (charge["id"], charge["payment_intent"])
    assert charge["invoice"] == found["payment_intent.succeeded"]["invoice"] == invoice["id"]
    assert found["checkout.session.completed"]["ui_mode"] == "hosted"
