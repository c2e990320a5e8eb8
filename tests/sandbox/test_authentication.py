"""Keys, accounts and versions."""

import pytest
import stripe

from tests.sandbox.conftest import VERSION, client_for


def test_a_key_opens_an_account_and_keeps_it(client):
    first = client.v1.accounts.retrieve_current()

    assert first.id.startswith("acct_")
    assert client.v1.accounts.retrieve_current().id == first.id


@pytest.mark.parametrize(
    "key", ["sk_live_abc123", "rk_live_abc123", "sk_test_invalid", "pk_test_abc", "abc", "sk_test_"]
)
def test_a_wrong_key_is_refused(sandbox, key):
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key") as refusal:
        client_for(sandbox, key).v1.customers.list()

    assert refusal.value.http_status == 401
    assert key not in str(refusal.value) or len(key) <= 12


def test_an_expired_key_says_so(sandbox):
    with pytest.raises(stripe.AuthenticationError) as refusal:
        client_for(sandbox, "sk_test_expired").v1.customers.list()

    assert refusal.value.error.code == "api_key_expired"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic ???", "Digest abc", "Basic dXNlcjpwYXNz", "Bearer ä"]
)
def test_a_bad_authorization_header_is_401_in_stripes_format(sandbox, raw, header):
    answer = raw("GET", "/v1/customers", headers={"Authorization": header.encode()})

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_basic_authentication_works(sandbox, raw, key):
    import requests

    answer = requests.get(f"{sandbox.url}/v1/customers", auth=(key, ""), timeout=10)

    assert answer.status_code == 200


def test_restricted_keys_work(sandbox):
    assert client_for(sandbox, "rk_test_restricted1").v1.customers.list().data == []


def test_accounts_never_see_each_other(sandbox, shop, client):
    subscription = shop.subscribe()
    configuration = shop.configure()
    other = client_for(sandbox, "sk_test_neighbor").v1

    assert other.customers.list().data == []
    for find, id_ in [
        (other.customers.retrieve, subscription.customer),
        (other.subscriptions.retrieve, subscription.id),
        (other.products.retrieve, shop.product.id),
        (other.prices.retrieve, shop.monthly.id),
        (other.invoices.retrieve, subscription.latest_invoice),
        (other.billing_portal.configurations.retrieve, configuration.id),
        (other.subscription_items.retrieve, subscription["items"].data[0].id),
    ]:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            find(id_)
        assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        other.subscriptions.create({"customer": subscription.customer, "items": [{"price": shop.monthly.id}]})


def test_chosen_product_ids_may_be_equal_in_two_accounts(sandbox, client):
    client.v1.products.create({"id": "skm_prod_1", "name": "Ours"})
    other = client_for(sandbox, "sk_test_chooser")
    other.v1.products.create({"id": "skm_prod_1", "name": "Theirs"})

    assert client.v1.products.retrieve("skm_prod_1").name == "Ours"


def test_every_answer_names_request_and_version(raw):
    for path in ("/v1/customers", "/v1/nothing"):
        answer = raw("GET", path, headers={"Stripe-Version": VERSION})
        assert answer.headers["Request-Id"].startswith("req_")
        assert answer.headers["Stripe-Version"] == VERSION


@pytest.mark.parametrize(("version", "message"), [("yesterday", "Invalid Stripe API"), ("2020-08-27", "answers API")])
def test_a_version_it_cannot_speak_is_refused(raw, version, message):
    answer = raw("GET", "/v1/customers", headers={"Stripe-Version": version})

    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_the_sdks_own_newer_version_is_answered_too(sandbox, key):
    newest = stripe.StripeClient(key, base_addresses={"api": sandbox.url})

    assert newest.v1.customers.create({"name": "Ada"}).name == "Ada"


def test_the_version_decides_the_default_billing_mode(sandbox, shop, key):
    price, customer = shop.monthly.id, shop.customer().id
    given = {"customer": customer, "items": [{"price": price}]}
    older = client_for(sandbox, key, "2025-06-30.basil").v1.subscriptions.create(given)
    newer = shop.v1.subscriptions.create(given)

    assert (older.billing_mode.type, newer.billing_mode.type) == ("classic", "flexible")
