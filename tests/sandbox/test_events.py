"""Events: one for every change, listed as Stripe lists them."""

import pytest
import stripe


def types(client, **params):
    return [event.type for event in client.v1.events.list({"limit": 100, **params}).data][::-1]


def test_changes_become_events(client, shop):
    customer = shop.customer()
    made = shop.subscribe(customer)
    client.v1.subscriptions.update(made.id, {"metadata": {"skm_key_id": "7"}})
    client.v1.subscriptions.cancel(made.id)
    client.v1.customers.delete(customer.id)
    found = types(client)

    assert found[0] == "billing_portal.configuration.created"
    assert found.index("customer.created") < found.index("customer.subscription.created")
    for name in ("product.created", "price.created", "payment_method.attached", "invoice.created", "invoice.finalized"):
        assert name in found
    for name in ("invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated", "customer.deleted"):
        assert found.count(name) == 1
    assert found.count("customer.subscription.deleted") == 1


def test_an_event_tells_what_changed_and_who_asked(client, shop):
    made = shop.subscribe(metadata={"color": "red", "size": "9"})
    client.v1.subscriptions.update(
        made.id,
        {"metadata": {"color": "blue"}, "items": [{"id": made["items"].data[0].id, "quantity": 3}]},
        {"idempotency_key": "skm:test:1"},
    )
    [event] = client.v1.events.list({"type": "customer.subscription.updated"}).data
    before = event.data.previous_attributes.to_dict()

    assert event.data.object["items"].data[0].quantity == 3
    assert before["metadata"] == {"color": "red"}
    assert before["items"]["data"][0]["quantity"] == 1
    assert set(before) == {"metadata", "items"}
    assert event.request.idempotency_key == "skm:test:1"
    assert event.request.id.startswith("req_")
    assert (event.api_version, event.pending_webhooks) == ("2026-05-27.dahlia", 0)
    assert client.v1.events.retrieve(event.id).id == event.id


def test_nothing_changed_is_no_event(client, shop):
    customer = shop.customer()
    before = types(client)
    client.v1.customers.update(customer.id, {"name": customer.name})

    assert types(client) == before


def test_a_refused_call_leaves_no_event(client, shop):
    customer = shop.customer("pm_card_chargeCustomerFail")
    shop.monthly  # noqa: B018 (made now)
    before = types(client)
    with pytest.raises(stripe.CardError):
        shop.subscribe(customer, payment_behavior="error_if_incomplete")

    assert types(client) == before


def test_what_time_does_has_no_request(client, shop, sandbox):
    shop.subscribe()
    sandbox.clock.move(days=32)
    [event] = client.v1.events.list({"type": "customer.subscription.updated"}).data

    assert event.request.id is None
    assert event.created < sandbox.clock()
    assert "items" in event.data.previous_attributes


def test_a_failed_renewal(client, shop, sandbox):
    customer = shop.customer()
    shop.subscribe(customer)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": bad.id}})
    sandbox.clock.move(days=32)

    assert "invoice.payment_failed" in types(client)


def test_the_list_filters_by_type_and_time(client, shop, sandbox):
    shop.customer()
    sandbox.clock.move(minutes=5)
    at = sandbox.clock()
    shop.customer()

    assert types(client, types=["customer.created", "customer.updated"]).count("customer.created") == 2
    assert set(types(client, type="payment_method.*")) == {"payment_method.attached"}
    assert types(client, type="customer.created", created={"gte": at}) == ["customer.created"]
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        types(client, type="a", types=["b"])


def test_paging_backwards_runs_from_old_to_new(client, shop):
    for _ in range(5):
        shop.customer(None)
    newest_first = [event.id for event in client.v1.events.list({"limit": 100, "type": "customer.created"}).data]
    page = client.v1.events.list({"limit": 2, "type": "customer.created", "ending_before": newest_first[-1]})
    walked = [event.id for event in page.auto_paging_iter()]

    assert walked == newest_first[:-1][::-1]


def test_events_are_kept_for_thirty_days(client, shop, sandbox):
    shop.customer(None)
    sandbox.clock.move(days=31)

    assert types(client, type="customer.created") == []
