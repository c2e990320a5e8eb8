"""Refunds, disputes, invoices by hand, dunning, pauses."""

import pytest
import stripe

from tests.sandbox.visitor import Visitor


def types(client, **params):
    return [event.type for event in client.v1.events.list({"limit": 100, **params}).data]


@pytest.fixture
def charge(client, shop):
    """A charge of $10.00 for a subscription."""
    shop.subscribe()
    return client.v1.charges.list().data[0]


@pytest.fixture
def by_mail(shop):
    """A subscription whose invoices are mailed."""
    return shop.subscribe(shop.customer(None), collection_method="send_invoice", days_until_due=14)


def test_a_refund_in_parts_and_then_in_full(client, charge):
    first = client.v1.refunds.create({"charge": charge.id, "amount": 400, "reason": "duplicate"})
    part = client.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (first.status, part.refunded, part.amount_refunded) == ("succeeded", False, 400)
    assert [refund.id for refund in part.refunds.data] == [first.id]

    rest = client.v1.refunds.create({"payment_intent": charge.payment_intent})
    assert rest.amount == 600
    assert client.v1.charges.retrieve(charge.id).refunded is True
    assert types(client).count("charge.refunded") == 2
    assert len(client.v1.refunds.list({"payment_intent": charge.payment_intent}).data) == 2
    with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
        client.v1.refunds.create({"charge": charge.id})


def test_too_much_cannot_be_refunded(client, charge):
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        client.v1.refunds.create({"charge": charge.id, "amount": 1001})
    with pytest.raises(stripe.InvalidRequestError, match="should be provided"):
        client.v1.refunds.create({})


def test_a_refund_fails_later(client, sandbox, charge):
    refund = client.v1.refunds.create({"charge": charge.id})
    sandbox.control(f"do/fail_refund/{refund.id}")

    assert client.v1.refunds.retrieve(refund.id).status == "failed"
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 0
    assert "refund.failed" in types(client)


@pytest.mark.parametrize(("deed", "last"), [("win", "funds_reinstated"), ("lose", "closed")])
def test_a_dispute(client, sandbox, charge, deed, last):
    dispute = sandbox.control(f"do/dispute/{charge.id}", reason="product_not_received")
    assert client.v1.charges.retrieve(charge.id).disputed is True
    assert client.v1.disputes.retrieve(dispute["id"]).status == "needs_response"
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        client.v1.refunds.create({"charge": charge.id})

    sandbox.control(f"do/{deed}/{dispute['id']}")
    assert types(client)[0] == f"charge.dispute.{last}"
    assert {"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"} <= set(types(client))
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.disputes.close(dispute["id"])


def test_an_invoice_of_the_dashboard_is_paid_out_of_band(client, shop):
    customer = shop.customer(None)
    price = client.v1.prices.create({"product": shop.product.id, "currency": "usd", "unit_amount": 4900})
    invoice = client.v1.invoices.create(
        {"customer": customer.id, "collection_method": "send_invoice", "days_until_due": 30, "currency": "usd"}
    )
    client.v1.invoice_items.create(
        {"customer": customer.id, "invoice": invoice.id, "pricing": {"price": price.id}, "quantity": 2}
    )
    client.v1.invoice_items.create({"customer": customer.id, "invoice": invoice.id, "amount": 100, "currency": "usd"})
    draft = client.v1.invoices.retrieve(invoice.id)
    assert (draft.status, draft.number, draft.total) == ("draft", None, 9900)

    sent = client.v1.invoices.send_invoice(invoice.id)
    paid = client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert (sent.status, sent.parent) == ("open", None)
    assert (paid.status, paid.amount_paid_off_stripe) == ("paid", 9900)
    assert client.v1.invoice_payments.list({"invoice": invoice.id}).data == []
    assert paid.lines.data[0].pricing.price_details.price == price.id
    assert types(client).count("invoice.paid") == 1


def test_a_mailed_invoice_is_paid_on_its_page(client, sandbox, by_mail):
    invoice = client.v1.invoices.retrieve(by_mail.latest_invoice)
    person = Visitor(sandbox.url).open(invoice.hosted_invoice_url).send("Pay", card="pm_card_chargeDeclined")
    assert (person.status, "declined" in person.text) == (422, True)
    person.send("Pay", card="pm_card_visa")

    assert client.v1.invoices.retrieve(invoice.id, {"expand": ["payments"]}).payments.data[0].status == "paid"
    assert "Paid" in person.text


@pytest.mark.parametrize(("deed", "status"), [("void_invoice", "void"), ("mark_uncollectible", "uncollectible")])
def test_an_invoice_is_given_up(client, by_mail, deed, status):
    invoice = getattr(client.v1.invoices, deed)(by_mail.latest_invoice)

    assert invoice.status == status
    assert {"void": "invoice.voided", "uncollectible": "invoice.marked_uncollectible"}[status] in types(client)
    with pytest.raises(stripe.InvalidRequestError, match="already"):
        getattr(client.v1.invoices, deed)(invoice.id)


@pytest.mark.parametrize("ending", ["past_due", "canceled", "unpaid"])
def test_a_failed_renewal_is_tried_again_and_given_up(client, shop, sandbox, ending):
    sandbox.control("settings", after_retries=ending)
    customer = shop.customer()
    made = shop.subscribe(customer, shop.yearly)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": bad.id}})
    sandbox.clock.move(days=366)
    assert client.v1.subscriptions.retrieve(made.id).status == "past_due"
    sandbox.clock.move(days=20)
    [invoice] = client.v1.invoices.list({"status": "open", "customer": customer.id}).data
    sandbox.control("settings", after_retries="past_due")

    assert client.v1.subscriptions.retrieve(made.id).status == ending
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (4, None)
    assert types(client).count("invoice.payment_failed") == 4


def test_a_retry_with_a_better_card_heals(client, shop, sandbox):
    customer = shop.customer()
    made = shop.subscribe(customer)
    for card, days in (("pm_card_chargeCustomerFail", 32), ("pm_card_visa", 4)):
        method = client.v1.payment_methods.attach(card, {"customer": customer.id})
        client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
        sandbox.clock.move(days=days)
        client.v1.events.list()

    assert client.v1.subscriptions.retrieve(made.id).status == "active"


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
def test_collection_is_paused_and_goes_on(client, shop, sandbox, behavior, status):
    made = shop.subscribe()
    until = sandbox.clock() + 40 * 86_400
    client.v1.subscriptions.update(made.id, {"pause_collection": {"behavior": behavior, "resumes_at": until}})
    sandbox.clock.move(days=32)
    assert client.v1.invoices.list({"subscription": made.id}).data[0].status == status
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    sandbox.clock.move(days=31)

    assert client.v1.subscriptions.retrieve(made.id).pause_collection is None
    assert client.v1.invoices.list({"subscription": made.id}).data[0].status == "paid"


def test_a_paused_subscription_is_resumed(client, shop, sandbox):
    customer = shop.customer(None)
    made = shop.subscribe(
        customer, trial_period_days=5, trial_settings={"end_behavior": {"missing_payment_method": "pause"}}
    )
    sandbox.clock.move(days=6)
    assert client.v1.subscriptions.retrieve(made.id).status == "paused"
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    resumed = client.v1.subscriptions.resume(made.id)

    assert resumed.status == "active"
    assert resumed["items"].data[0].current_period_start == sandbox.clock()
    assert {"customer.subscription.paused", "customer.subscription.resumed"} <= set(types(client))
    with pytest.raises(stripe.InvalidRequestError, match="Only paused"):
        client.v1.subscriptions.resume(made.id)


@pytest.mark.parametrize(("days", "before"), [(14, 3), (2, 2)])
def test_the_end_of_a_trial_is_announced(client, shop, sandbox, days, before):
    made = shop.subscribe(trial_period_days=days)
    sandbox.clock.move(days=days, seconds=10)
    [event] = client.v1.events.list({"type": "customer.subscription.trial_will_end"}).data

    assert event.created == made.trial_end - before * 86_400
    assert event.data.object.id == made.id


def test_subscriptions_are_found_by_their_period_s_end(client, shop):
    soon, late = shop.subscribe(), shop.subscribe(shop.customer(), shop.yearly)
    end = soon["items"].data[0].current_period_end
    listed = client.v1.subscriptions.list({"current_period_end": {"lte": end}}).data

    assert [entry.id for entry in listed] == [soon.id]
    assert late.id


def test_payments_carry_what_they_are_given(client, charge):
    client.v1.payment_intents.update(charge.payment_intent, {"metadata": {"latchkey_order": "1"}})
    client.v1.charges.update(charge.id, {"metadata": {"seen": "yes"}})

    assert client.v1.payment_intents.retrieve(charge.payment_intent).metadata["latchkey_order"] == "1"
    assert client.v1.charges.list({"payment_intent": charge.payment_intent}).data[0].metadata["seen"] == "yes"
    assert client.v1.payment_intents.list().data[0].id == charge.payment_intent
