"""Webhook endpoints and deliveries."""

import pytest
import stripe

from tests.sandbox.inbox import ORIGIN, Inbox
from tests.support.sandbox_server import running_sandbox


def test_an_endpoint_tells_its_secret_once(client, endpoint):
    found = client.v1.webhook_endpoints.retrieve(endpoint.id)

    assert endpoint.secret.startswith("whsec_")
    assert "secret" not in found.to_dict()
    assert (found.status, found.enabled_events, found.api_version) == ("enabled", ["*"], None)
    assert [entry.id for entry in client.v1.webhook_endpoints.list().data] == [endpoint.id]


def test_an_endpoint_changes_and_goes(client, endpoint):
    changed = client.v1.webhook_endpoints.update(
        endpoint.id, {"disabled": True, "enabled_events": ["invoice.paid"], "url": f"{ORIGIN}/other"}
    )
    assert (changed.status, changed.enabled_events, changed.url) == ("disabled", ["invoice.paid"], f"{ORIGIN}/other")
    assert client.v1.webhook_endpoints.delete(endpoint.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint"):
        client.v1.webhook_endpoints.retrieve(endpoint.id)


def test_events_arrive_signed(client, shop, sandbox, inbox, endpoint):
    shop.customer(None)
    tried = sandbox.deliver_due()
    listed = client.v1.events.list({"limit": 1}).data[0]

    assert [(one.type, one.status) for one in tried] == [("customer.created", 200)]
    assert inbox.verified(endpoint.secret, sandbox.clock()) == [True]
    assert inbox.events[0]["id"] == listed.id
    assert inbox.events[0]["data"]["object"]["email"] == "ada@example.com"
    assert sandbox.deliver_due() == []


def test_only_wanted_types_go_to_enabled_endpoints(client, shop, sandbox, inbox, endpoint):
    client.v1.webhook_endpoints.update(endpoint.id, {"enabled_events": ["invoice.paid"]})
    shop.subscribe()
    sandbox.deliver_due()
    assert inbox.types == ["invoice.paid"]

    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    shop.subscribe(shop.customer())
    assert sandbox.deliver_due() == []


def test_a_failed_delivery_is_tried_again_for_three_days(client, shop, sandbox, inbox, endpoint):
    inbox.answers = [500] * 50
    shop.customer(None)
    for _ in range(80):
        sandbox.deliver_due()
        sandbox.clock.move(hours=1)

    assert 8 <= len(inbox.arrived) <= 16
    assert len({event["id"] for event in inbox.events}) == 1
    assert [event.type for event in client.v1.events.list({"delivery_success": False}).data] == ["customer.created"]


def test_a_delivery_that_succeeds_later_counts(client, shop, sandbox, inbox, endpoint):
    inbox.answers = [302, 500]
    shop.customer(None)
    sandbox.deliver_due()
    [waiting] = client.v1.events.list({"delivery_success": False}).data
    assert waiting.pending_webhooks == 1
    assert sandbox.deliver_due() == []
    for _ in range(2):
        sandbox.clock.move(hours=1)
        sandbox.deliver_due()

    assert client.v1.events.list({"delivery_success": False}).data == []
    assert client.v1.events.list({"delivery_success": True, "limit": 1}).data[0].id == waiting.id
    assert client.v1.events.retrieve(waiting.id).pending_webhooks == 0


def test_a_disabled_endpoint_ends_the_tries(client, shop, sandbox, inbox, endpoint):
    inbox.answers = [500]
    shop.customer(None)
    sandbox.deliver_due()
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    sandbox.clock.move(days=1)

    assert sandbox.deliver_due() == []
    assert len(inbox.arrived) == 1
    assert len(client.v1.events.list({"delivery_success": False}).data) == 1


@pytest.mark.parametrize("url", ["https://example.com/hook", "http://192.0.2.1/hook", "http://localhost.example/hook"])
def test_nothing_leaves_this_machine(client, shop, sandbox, inbox, url):
    client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    shop.customer(None)

    assert [(one.status, one.answer[:8]) for one in sandbox.deliver_due()] == [(None, "not sent")]


def test_an_endpoint_of_an_older_version_gets_older_shapes(client, shop, sandbox, inbox):
    client.v1.webhook_endpoints.create({"url": f"{ORIGIN}/hook", "enabled_events": ["*"], "api_version": "2024-06-20"})
    made = shop.subscribe()
    sandbox.deliver_due()
    objects = {event["type"]: event["data"]["object"] for event in inbox.events}
    subscription, invoice = objects["customer.subscription.created"], objects["invoice.paid"]

    assert subscription["current_period_end"] == made["items"].data[0].current_period_end
    assert "current_period_end" not in subscription["items"]["data"][0]
    assert "billing_mode" not in subscription
    assert (invoice["subscription"], invoice["paid"]) == (made.id, True)
    assert "parent" not in invoice
    assert invoice["lines"]["data"][0]["price"]["id"] == shop.monthly.id
    assert {event["api_version"] for event in inbox.events} == {"2024-06-20"}


def test_the_background_courier_delivers_over_http():
    inbox = Inbox()
    from portal.sandbox.server import Server

    receiver = Server(lambda url: inbox.app())
    receiver.start()
    with running_sandbox(deliver=True) as sandbox:
        client = stripe.StripeClient("sk_test_courier", base_addresses={"api": sandbox.url})
        client.v1.webhook_endpoints.create({"url": f"{receiver.url}/hook", "enabled_events": ["product.created"]})
        client.v1.products.create({"name": "A product"})
        for _ in range(200):
            if client.v1.events.list({"type": "product.created", "delivery_success": True}).data:
                break
    receiver.stop()

    assert inbox.types == ["product.created"]
