"""Customers and their cards."""

import pytest
import stripe


def test_a_customer_keeps_what_it_was_made_with(client):
    made = client.v1.customers.create(
        {
            "email": "Ada@Example.com",
            "name": "Ada",
            "phone": "+1 555",
            "description": "d",
            "preferred_locales": ["de", "en"],
            "address": {"city": "Berlin", "country": "DE"},
            "shipping": {"name": "Ada", "address": {"city": "Bonn"}},
            "metadata": {"skm_customer_id": "17"},
        }
    )

    assert client.v1.customers.retrieve(made.id).to_dict() == made.to_dict()
    assert made.id.startswith("cus_")
    assert (made.email, made.livemode, made.metadata.skm_customer_id) == ("Ada@Example.com", False, "17")
    assert (made.address.city, made.address.line1, made.shipping.address.city) == ("Berlin", None, "Bonn")


def test_an_update_changes_only_what_it_names(client):
    made = client.v1.customers.create({"email": "a@example.com", "name": "Ada"})
    changed = client.v1.customers.update(made.id, {"name": "Grace"})

    assert (changed.name, changed.email) == ("Grace", "a@example.com")


def test_an_empty_string_clears_a_field(client):
    made = client.v1.customers.create({"email": "a@example.com", "name": "Ada", "address": {"city": "X"}})
    changed = client.v1.customers.update(made.id, {"name": "", "email": "", "address": ""})

    assert (changed.name, changed.email, changed.address) == (None, None, None)


def test_metadata_merges_and_empty_values_delete(client):
    made = client.v1.customers.create({"metadata": {"a": "1", "b": "2"}})

    changed = client.v1.customers.update(made.id, {"metadata": {"b": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"a": "1", "c": "3"}
    assert client.v1.customers.update(made.id, {"metadata": ""}).metadata.to_dict() == {}


def test_metadata_stays_within_fifty_keys_over_several_updates(client):
    made = client.v1.customers.create({"metadata": {f"a{number}": "1" for number in range(50)}})

    with pytest.raises(stripe.InvalidRequestError, match="50 metadata keys"):
        client.v1.customers.update(made.id, {"metadata": {"one_more": "1"}})


def test_the_email_filter_is_case_sensitive(client):
    upper = client.v1.customers.create({"email": "Ada@example.com"})
    lower = client.v1.customers.create({"email": "ada@example.com"})

    def ids(email):
        return [entry.id for entry in client.v1.customers.list({"email": email}).data]

    assert (ids("ada@example.com"), ids("Ada@example.com"), ids("x@example.com")) == ([lower.id], [upper.id], [])


def test_a_deleted_customer_answers_in_its_deleted_shape(client, shop):
    subscription = shop.subscribe()
    gone = client.v1.customers.delete(subscription.customer)

    assert gone.deleted is True
    assert client.v1.customers.retrieve(subscription.customer).to_dict() == {
        "id": subscription.customer,
        "object": "customer",
        "deleted": True,
    }
    assert client.v1.customers.list().data == []
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.update(subscription.customer, {"name": "x"})
    assert refusal.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.billing_portal.sessions.create({"customer": subscription.customer})


def test_a_test_card_comes_with_the_customer(client, shop):
    customer = shop.customer("pm_card_visa")
    card = client.v1.customers.payment_methods.list(customer.id).data[0]

    assert customer.invoice_settings.default_payment_method == card.id
    assert (card.card.brand, card.card.last4, card.customer) == ("visa", "4242", customer.id)


def test_cards_are_attached_used_and_detached(client, shop):
    customer = shop.customer(card=None)
    card = client.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})

    assert [entry.id for entry in client.v1.payment_methods.list({"customer": customer.id}).data] == [card.id]
    assert client.v1.payment_methods.detach(card.id).customer is None
    assert client.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        client.v1.payment_methods.detach(card.id)


def test_a_card_can_be_made_from_a_test_number_or_token(client):
    by_number = client.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4242424242424242", "exp_month": 5, "exp_year": 2031, "cvc": "123"}}
    )
    by_token = client.v1.payment_methods.create(
        {"type": "card", "card": {"token": "tok_amex"}, "billing_details": {"name": "Ada"}, "metadata": {"a": "1"}}
    )

    assert (by_number.card.last4, by_number.card.exp_month, by_number.customer) == ("4242", 5, None)
    assert (by_token.card.brand, by_token.billing_details.name) == ("amex", "Ada")
    assert client.v1.payment_methods.update(by_token.id, {"metadata": {"a": ""}}).metadata.to_dict() == {}
    with pytest.raises(stripe.CardError, match="incorrect"):
        client.v1.payment_methods.create({"type": "card", "card": {"number": "1234"}})


def test_a_card_of_somebody_else_cannot_be_taken(client, shop):
    first, second = shop.customer(), shop.customer(card=None)
    card = first.invoice_settings.default_payment_method

    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        client.v1.payment_methods.attach(card, {"customer": second.id})
    with pytest.raises(stripe.InvalidRequestError, match="No such PaymentMethod"):
        client.v1.customers.update(second.id, {"invoice_settings": {"default_payment_method": card}})


def test_a_card_that_declines_at_once_is_a_card_error(client, shop):
    customer = shop.customer(card=None)

    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    assert (refusal.value.http_status, refusal.value.code) == (402, "card_declined")
    assert client.v1.payment_methods.list({"customer": customer.id}).data == []
