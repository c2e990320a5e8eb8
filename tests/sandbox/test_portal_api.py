"""Configurations and sessions of the billing portal, through the API."""

import pytest
import stripe

from tests.sandbox.conftest import client_for
from tests.support.sandbox_server import running_sandbox


def test_a_new_account_has_saved_portal_settings(client):
    (default,) = client.v1.billing_portal.configurations.list({"is_default": True}).data

    assert default.active
    assert default.features.subscription_cancel.mode == "at_period_end"
    assert default.login_page.url


def test_an_account_that_never_saved_them_gets_stripes_message(tmp_path):
    with running_sandbox(tmp_path, default_configuration=False) as sandbox:
        client = client_for(sandbox, "sk_test_fresh")
        customer = client.v1.customers.create({})
        with pytest.raises(stripe.InvalidRequestError, match="default configuration has not been created"):
            client.v1.billing_portal.sessions.create({"customer": customer.id})
        own = client.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
        session = client.v1.billing_portal.sessions.create({"customer": customer.id, "configuration": own.id})

        assert session.configuration == own.id
        assert sandbox.judge.problems == []


def test_a_configuration_keeps_what_it_was_made_with(client, shop):
    made = client.v1.billing_portal.configurations.create(
        {
            "features": {
                "customer_update": {"enabled": True, "allowed_updates": ["email"]},
                "subscription_cancel": {
                    "enabled": True,
                    "mode": "immediately",
                    "cancellation_reason": {"enabled": True, "options": ["too_expensive", "other"]},
                },
                "subscription_update": {
                    "enabled": True,
                    "default_allowed_updates": ["price", "quantity"],
                    "products": [
                        {
                            "product": shop.product.id,
                            "prices": [shop.monthly.id],
                            "adjustable_quantity": {"enabled": True, "minimum": 1, "maximum": 9},
                        }
                    ],
                    "proration_behavior": "always_invoice",
                },
            },
            "business_profile": {"headline": "Cartograph", "privacy_policy_url": "https://example.com/privacy"},
            "default_return_url": "https://example.com/back",
            "login_page": {"enabled": True},
            "metadata": {"skm_config_hash": "abc"},
            "name": "Main",
        }
    )
    found = client.v1.billing_portal.configurations.retrieve(made.id)

    assert found.to_dict() == made.to_dict()
    assert made.id.startswith("bpc_") and not made.is_default
    assert made.features.subscription_cancel.cancellation_reason.options == ["too_expensive", "other"]
    assert made.features.subscription_update.products[0].adjustable_quantity.maximum == 9
    assert made.features.invoice_history.enabled is False
    assert made.metadata.skm_config_hash == "abc"


def test_an_update_changes_only_what_it_names(client, shop):
    made = shop.configure()
    changed = client.v1.billing_portal.configurations.update(
        made.id, {"features": {"subscription_cancel": {"mode": "immediately"}}, "active": False, "name": "Old"}
    )

    assert changed.features.subscription_cancel.to_dict() == made.features.subscription_cancel.to_dict() | {
        "mode": "immediately"
    }
    assert changed.features.invoice_history.enabled
    assert (changed.active, changed.name) == (False, "Old")
    assert [c.id for c in client.v1.billing_portal.configurations.list({"active": False}).data] == [made.id]


def test_switching_the_login_page_off_kills_its_address(client, shop):
    import requests

    made = shop.configure()
    url = client.v1.billing_portal.configurations.update(made.id, {"login_page": {"enabled": True}}).login_page.url
    assert requests.get(url, timeout=10).status_code == 200
    off = client.v1.billing_portal.configurations.update(made.id, {"login_page": {"enabled": False}})
    again = client.v1.billing_portal.configurations.update(made.id, {"login_page": {"enabled": True}})

    assert off.login_page.url is None
    assert again.login_page.url != url
    assert requests.get(url, timeout=10).status_code == 404


def test_configurations_that_stripe_refuses(client, shop):
    product, same_rhythm = shop.product.id, [shop.monthly.id, shop.price(2000).id]

    def offer(**update):
        return {"subscription_update": {"enabled": True, "default_allowed_updates": ["price"]} | update}

    for features, message in [
        (offer(), "are required"),
        (offer(products=[{"product": product, "prices": same_rhythm}]), "unique billing intervals"),
        (offer(products=[{"product": product, "prices": ["price_nobody"]}]), "No such price"),
        (offer(products=[{"product": "prod_nobody", "prices": [shop.monthly.id]}]), "No such product"),
        ({"customer_update": {"enabled": True}}, "allowed_updates"),
        ({"subscription_cancel": {"enabled": True, "proration_behavior": "always_invoice"}}, "not supported"),
        ({"subscription_cancel": {"enabled": True, "mode": "tomorrow"}}, "must be one of"),
        ({"invoice_history": {}}, "Missing required param"),
    ]:
        with pytest.raises(stripe.InvalidRequestError, match=message):
            client.v1.billing_portal.configurations.create({"features": features})
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: features"):
        client.v1.billing_portal.configurations.create({"name": "x"})


def test_the_default_configuration_stays_active(client):
    (default,) = client.v1.billing_portal.configurations.list({"is_default": True}).data

    with pytest.raises(stripe.InvalidRequestError, match="default configuration"):
        client.v1.billing_portal.configurations.update(default.id, {"active": False})


def test_a_session_is_a_fresh_link_each_time(client, shop, sandbox):
    customer = shop.customer()
    given = {"customer": customer.id, "return_url": "https://example.com/back", "locale": "de"}
    first, second = (client.v1.billing_portal.sessions.create(given) for _ in range(2))

    assert first.id.startswith("bps_") and first.id != second.id
    assert first.url.startswith(f"{sandbox.url}/p/session/test_") and first.url != second.url
    assert (first.customer, first.return_url, first.locale, first.flow) == (
        customer.id,
        "https://example.com/back",
        "de",
        None,
    )


def test_the_default_return_url_is_used_when_none_is_given(client, shop):
    own = client.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}, "default_return_url": "https://example.com/home"}
    )
    session = client.v1.billing_portal.sessions.create({"customer": shop.customer().id, "configuration": own.id})

    assert session.return_url == "https://example.com/home"


def test_a_session_needs_a_customer_of_this_account(client):
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: customer") as refusal:
        client.v1.billing_portal.sessions.create({"return_url": "https://example.com"})
    assert (refusal.value.http_status, refusal.value.param) == (400, "customer")
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_nobody'") as refusal:
        client.v1.billing_portal.sessions.create({"customer": "cus_nobody"})
    assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (400, "resource_missing", "customer")


@pytest.mark.parametrize(
    "given",
    [
        {"return_url": "javascript:alert(1)"},
        {"return_url": "/back"},
        {"locale": "tlh"},
        {"configuration": "bpc_nobody"},
        {"flow_data": {"type": "dance"}},
        {"flow_data": {"type": "subscription_cancel"}},
        {"flow_data": {"type": "subscription_cancel", "subscription_cancel": {"subscription": "sub_nobody"}}},
        {"flow_data": {"type": "payment_method_update", "subscription_cancel": {"subscription": "sub_nobody"}}},
        {"flow_data": {"type": "payment_method_update", "after_completion": {"type": "redirect"}}},
    ],
)
def test_a_bad_session_is_refused(client, shop, given):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.billing_portal.sessions.create({"customer": shop.customer().id} | given)
    assert refusal.value.http_status == 400


def test_a_flow_is_for_the_customers_own_running_subscription(client, shop):
    customer = shop.customer()
    foreign, over = shop.subscribe(), shop.subscribe(customer)
    planned = shop.subscribe(customer, cancel_at_period_end=True)
    client.v1.subscriptions.cancel(over.id)

    for subscription, message in [(foreign, "No such"), (over, "has ended"), (planned, "already set")]:
        flow = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription.id}}
        with pytest.raises(stripe.InvalidRequestError, match=message):
            client.v1.billing_portal.sessions.create({"customer": customer.id, "flow_data": flow})


def test_a_flow_needs_its_feature(client, shop):
    made = shop.subscribe()
    flow = {"type": "subscription_update", "subscription_update": {"subscription": made.id}}

    with pytest.raises(stripe.InvalidRequestError, match="subscription update feature in the portal configuration"):
        client.v1.billing_portal.sessions.create({"customer": made.customer, "flow_data": flow})


def test_an_inactive_configuration_opens_nothing(client, shop):
    own = shop.configure()
    client.v1.billing_portal.configurations.update(own.id, {"active": False})

    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        client.v1.billing_portal.sessions.create({"customer": shop.customer().id, "configuration": own.id})
