"""Subscriptions through the API: start, change, cancel, list."""

import pytest
import stripe

from portal.sandbox.engine import periods
from tests.support.sandbox_server import DAY


def test_a_subscription_starts_paid_and_active(client, shop, sandbox):
    made = shop.subscribe(metadata={"skm_key_id": "9"})
    item = made["items"].data[0]
    invoice = client.v1.invoices.retrieve(made.latest_invoice)

    assert made.status == "active"
    assert item.current_period_start == sandbox.clock()
    assert item.current_period_end == periods.shifted(sandbox.clock(), "month", 1)
    assert "current_period_end" not in made.to_dict()
    assert (item.price.id, item.quantity, item.subscription) == (shop.monthly.id, 1, made.id)
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 1000, "subscription_create")
    assert invoice.parent.subscription_details.subscription == made.id
    assert invoice.parent.subscription_details.metadata.skm_key_id == "9"
    assert "subscription" not in invoice.to_dict()


def test_without_a_card_it_does_not_start(client, shop):
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        shop.subscribe(shop.customer(card=None))
    assert client.v1.subscriptions.list({"status": "all"}).data == []
    assert client.v1.invoices.list().data == []


@pytest.mark.parametrize(
    ("behavior", "status"), [("allow_incomplete", "incomplete"), ("default_incomplete", "incomplete")]
)
def test_a_card_that_fails_leaves_it_incomplete(client, shop, behavior, status):
    made = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), payment_behavior=behavior)

    assert made.status == status
    assert client.v1.invoices.retrieve(made.latest_invoice).status == "open"


def test_an_incomplete_one_can_only_update_metadata_and_its_card_until_it_is_paid(client, shop):
    customer = shop.customer()
    made = shop.subscribe(customer, payment_behavior="default_incomplete")
    item, better = made["items"].data[0].id, shop.price(3000).id
    v1 = client.v1
    changes = [
        lambda: v1.subscriptions.update(made.id, {"items": [{"id": item, "price": better}]}),
        lambda: v1.subscriptions.update(made.id, {"cancel_at_period_end": True}),
        lambda: v1.subscriptions.update(made.id, {"pause_collection": {"behavior": "void"}}),
        lambda: v1.subscription_items.update(item, {"quantity": 2}),
        lambda: v1.subscription_items.create({"subscription": made.id, "price": better}),
        lambda: v1.subscription_items.delete(item),
    ]
    for change in changes:
        with pytest.raises(stripe.InvalidRequestError, match="`incomplete` can only update"):
            change()

    own = customer.invoice_settings.default_payment_method
    allowed = v1.subscriptions.update(made.id, {"metadata": {"note": "1"}, "default_payment_method": own})
    assert (allowed.status, allowed.metadata.note, allowed.default_payment_method) == ("incomplete", "1", own)
    v1.invoices.pay(made.latest_invoice)
    assert v1.subscriptions.update(made.id, {"items": [{"id": item, "quantity": 2}]}).status == "active"


def test_error_if_incomplete_starts_nothing(client, shop):
    customer = shop.customer("pm_card_chargeCustomerFail")

    with pytest.raises(stripe.CardError):
        shop.subscribe(customer, payment_behavior="error_if_incomplete")
    assert client.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []


def test_a_trial_needs_no_card_and_costs_nothing(client, shop, sandbox):
    made = shop.subscribe(shop.customer(card=None), trial_period_days=14)

    assert (made.status, made.trial_end) == ("trialing", sandbox.clock() + 14 * DAY)
    assert made["items"].data[0].current_period_end == made.trial_end
    assert client.v1.invoices.retrieve(made.latest_invoice).total == 0


def test_ending_a_trial_charges_or_makes_past_due(shop):
    good = shop.subscribe(trial_period_days=14)
    bad = shop.subscribe(shop.customer("pm_card_chargeCustomerFail"), trial_period_days=14)

    assert shop.v1.subscriptions.update(good.id, {"trial_end": "now"}).status == "active"
    assert shop.v1.subscriptions.update(bad.id, {"trial_end": "now"}).status == "past_due"


def test_an_invoice_by_mail_needs_no_card(client, shop, sandbox):
    made = shop.subscribe(shop.customer(card=None), collection_method="send_invoice", days_until_due=30)
    invoice = client.v1.invoices.retrieve(made.latest_invoice)

    assert (made.status, invoice.status, invoice.due_date) == ("active", "open", sandbox.clock() + 30 * DAY)
    assert client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True}).status == "paid"
    with pytest.raises(stripe.InvalidRequestError, match="days_until_due"):
        shop.subscribe(shop.customer(card=None), collection_method="send_invoice")


@pytest.mark.parametrize(
    "change",
    [
        {"items": [{"price": "price_nobody"}]},
        {"items": [{"quantity": 1}]},
        {"items": [{"price": "price_nobody", "quantity": -1}]},
        {"customer": "cus_nobody"},
        {"default_payment_method": "pm_nobody"},
        {"trial_end": 5},
        {"cancel_at": 5},
        {"cancel_at": 2_000_000_000, "cancel_at_period_end": True},
        {"billing_mode": {"type": "modern"}},
    ],
)
def test_a_bad_subscription_is_refused(shop, change):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.subscriptions.create({"customer": shop.customer().id, "items": [{"price": shop.monthly.id}]} | change)
    assert refusal.value.http_status == 400


def test_prices_that_are_off_or_one_time_are_refused(client, shop):
    once = client.v1.prices.create({"currency": "usd", "unit_amount": 5, "product": shop.product.id})
    off = shop.price(active=False)

    with pytest.raises(stripe.InvalidRequestError, match="type=one_time"):
        shop.subscribe(price=once)
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        shop.subscribe(price=off)


def test_mixed_rhythms_need_flexible_billing(shop):
    items = [{"price": shop.monthly.id}, {"price": shop.yearly.id, "quantity": 3}]
    customer = shop.customer().id
    made = shop.v1.subscriptions.create({"customer": customer, "items": items})

    ends = {item.price.id: item.current_period_end for item in made["items"].data}
    assert ends[shop.yearly.id] > ends[shop.monthly.id]
    with pytest.raises(stripe.InvalidRequestError, match=r"same `recurring\.interval`"):
        shop.v1.subscriptions.create({"customer": customer, "items": items, "billing_mode": {"type": "classic"}})


def test_cancel_at_period_end_through_the_api(shop):
    classic = shop.subscribe(billing_mode={"type": "classic"})
    flexible = shop.subscribe()

    for made, cancel_at in ((classic, classic["items"].data[0].current_period_end), (flexible, None)):
        changed = shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
        assert (changed.cancel_at_period_end, changed.cancel_at, changed.status) == (True, cancel_at, "active")
        assert changed.cancellation_details.reason == "cancellation_requested"
        kept = shop.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
        assert (kept.cancel_at_period_end, kept.cancel_at, kept.canceled_at) == (False, None, None)
        assert kept.cancellation_details.reason is None


def test_cancel_at_takes_a_time_a_word_and_an_empty_string(shop, sandbox):
    made = shop.subscribe()
    end = made["items"].data[0].current_period_end

    def cancel_at(value):
        return shop.v1.subscriptions.update(made.id, {"cancel_at": value}).cancel_at

    assert cancel_at(sandbox.clock() + 5 * DAY) == sandbox.clock() + 5 * DAY
    assert cancel_at("min_period_end") == end
    assert cancel_at("") is None


def test_canceling_at_once_ends_it_for_good(client, shop, sandbox):
    made = shop.subscribe()
    ended = client.v1.subscriptions.cancel(
        made.id, {"cancellation_details": {"feedback": "too_expensive", "comment": "sorry"}}
    )

    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", sandbox.clock(), sandbox.clock())
    assert ended.cancellation_details.feedback == "too_expensive"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.subscriptions.cancel(made.id)
    assert refusal.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription can only update"):
        client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert client.v1.subscriptions.update(made.id, {"metadata": {"late": "1"}}).metadata.late == "1"


def test_another_price_of_the_same_rhythm_changes_at_once(shop):
    made, better = shop.subscribe(), shop.price(3000)
    item = made["items"].data[0]
    changed = shop.v1.subscriptions.update(made.id, {"items": [{"id": item.id, "price": better.id, "quantity": 2}]})

    assert (changed["items"].data[0].price.id, changed["items"].data[0].quantity) == (better.id, 2)
    assert changed["items"].data[0].current_period_end == item.current_period_end
    assert changed.latest_invoice == made.latest_invoice


def test_always_invoice_charges_the_difference_for_the_rest(client, shop, sandbox):
    made, better = shop.subscribe(), shop.price(3000)
    item = made["items"].data[0]
    sandbox.clock.now = (item.current_period_start + item.current_period_end) // 2
    changed = shop.v1.subscriptions.update(
        made.id, {"items": [{"id": item.id, "price": better.id}], "proration_behavior": "always_invoice"}
    )
    invoice = client.v1.invoices.retrieve(changed.latest_invoice)

    assert invoice.billing_reason == "subscription_update"
    assert (invoice.total, [line.amount for line in invoice.lines.data]) == (1000, [-500, 1500])


def test_another_rhythm_begins_a_new_period(client, shop, sandbox):
    made = shop.subscribe()
    changed = shop.v1.subscriptions.update(
        made.id, {"items": [{"id": made["items"].data[0].id, "price": shop.yearly.id}]}
    )

    assert changed.billing_cycle_anchor == sandbox.clock()
    assert changed["items"].data[0].current_period_end == periods.shifted(sandbox.clock(), "year", 1)
    assert client.v1.invoices.retrieve(changed.latest_invoice).total == 10_000 - 1000


def test_items_have_endpoints_of_their_own(client, shop):
    made = shop.subscribe()
    extra = client.v1.subscription_items.create({"subscription": made.id, "price": shop.price(500).id, "quantity": 2})
    changed = client.v1.subscription_items.update(extra.id, {"quantity": 5, "metadata": {"seat": "yes"}})

    assert (changed.quantity, changed.metadata.seat, changed.price.unit_amount) == (5, "yes", 500)
    listed = client.v1.subscription_items.list({"subscription": made.id}).data
    assert {item.id for item in listed} == {extra.id, made["items"].data[0].id}
    assert client.v1.subscription_items.retrieve(extra.id).to_dict() == changed.to_dict()
    assert client.v1.subscription_items.delete(extra.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="at least one active plan"):
        client.v1.subscription_items.delete(made["items"].data[0].id)


def test_subscriptions_are_listed_by_customer_price_and_status(client, shop):
    running, over = shop.subscribe(), shop.subscribe(price=shop.yearly)
    trial = shop.subscribe(trial_period_days=3)
    client.v1.subscriptions.cancel(over.id)

    def ids(**given):
        return {entry.id for entry in client.v1.subscriptions.list(given).data}

    assert ids() == {running.id, trial.id}
    assert ids(status="all") == {running.id, trial.id, over.id}
    assert (ids(status="canceled"), ids(status="trialing")) == ({over.id}, {trial.id})
    assert ids(status="ended") == {over.id}
    assert ids(customer=running.customer) == {running.id}
    assert (ids(price=shop.yearly.id, status="all"), ids(price="price_nobody")) == ({over.id}, set())


def test_paying_an_open_invoice_revives_the_subscription(client, shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    made = shop.subscribe(customer, trial_period_days=1)
    late = client.v1.subscriptions.update(made.id, {"trial_end": "now"})
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(late.latest_invoice)
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    assert client.v1.invoices.pay(late.latest_invoice, {"payment_method": good.id}).status == "paid"
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(late.latest_invoice)


@pytest.mark.parametrize("pays", [True, False])
def test_a_change_may_wait_for_its_payment(client, shop, pays):
    customer = shop.customer()
    made = shop.subscribe(customer)
    if not pays:
        bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
        client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": bad.id}})
    wanted = {"items": [{"id": made["items"].data[0].id, "quantity": 3}], "proration_behavior": "always_invoice"}
    changed = client.v1.subscriptions.update(made.id, {**wanted, "payment_behavior": "pending_if_incomplete"})

    assert changed.status == "active"
    assert (changed["items"].data[0].quantity, changed.pending_update is None) == ((3, True) if pays else (1, False))
    if not pays:
        assert changed.pending_update.subscription_items[0].quantity == 3
        good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        client.v1.invoices.pay(changed.latest_invoice, {"payment_method": good.id})
        now = client.v1.subscriptions.retrieve(made.id)
        assert (now["items"].data[0].quantity, now.pending_update) == (3, None)


def test_invoices_are_listed_and_numbered(client, shop):
    customer = shop.customer()
    first, second = shop.subscribe(customer), shop.subscribe(customer)
    other = shop.subscribe()
    found = client.v1.invoices.list({"customer": customer.id}).data

    assert [entry.id for entry in found] == [second.latest_invoice, first.latest_invoice]
    assert [entry.number[-4:] for entry in found] == ["0002", "0001"]
    assert [e.id for e in client.v1.invoices.list({"subscription": other.id}).data] == [other.latest_invoice]
    assert client.v1.invoices.list({"status": "open"}).data == []
