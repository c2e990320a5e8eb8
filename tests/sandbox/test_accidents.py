"""Accidents: what goes wrong when somebody orders it."""

import pytest
import requests
import stripe

from portal.sandbox.accidents import control
from tests.sandbox.conftest import client_for
from tests.sandbox.visitor import Visitor

CUSTOMER = {"email": "ada@example.com"}


@pytest.fixture(autouse=True)
def calm(sandbox):
    """No order outlives its test."""
    yield
    requests.delete(f"{sandbox.url}/_sandbox/accidents", timeout=10)


def test_a_reply_is_lost_after_the_work_is_done(client, sandbox):
    sandbox.accident("lost_reply", path="/v1/customers")
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create(CUSTOMER, {"idempotency_key": "skm:cus:1"})

    [made] = client.v1.customers.list().data
    again = client.v1.customers.create(CUSTOMER, {"idempotency_key": "skm:cus:1"})
    assert again.id == made.id
    assert sandbox.state()["happened"][0]["kind"] == "lost_reply"


@pytest.mark.parametrize(("kind", "made"), [("server_error", 0), ("server_error_after_commit", 1)])
def test_a_server_error_is_replayed(client, sandbox, kind, made):
    sandbox.accident(kind, path="/v1/customers")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            client.v1.customers.create(CUSTOMER, {"idempotency_key": f"skm:cus:{kind}"})
        assert caught.value.http_status == 500

    assert len(client.v1.customers.list().data) == made
    assert client.v1.customers.create(CUSTOMER, {"idempotency_key": "skm:cus:other"}).id


def test_a_conflict_passes(client, sandbox):
    sandbox.accident("conflict", method="POST", path="/v1/customers")
    with pytest.raises(stripe.StripeError) as caught:
        client.v1.customers.create(CUSTOMER, {"idempotency_key": "skm:cus:c"})

    assert caught.value.http_status == 409
    assert client.v1.customers.create(CUSTOMER, {"idempotency_key": "skm:cus:c"}).id


def test_a_rate_limit_says_when_to_come_back(client, sandbox):
    sandbox.accident("rate_limited", retry_after=7, should_retry=True)
    with pytest.raises(stripe.RateLimitError) as caught:
        client.v1.customers.list()

    assert caught.value.headers["Retry-After"] == "7"
    assert caught.value.headers["Stripe-Should-Retry"] == "true"


def test_a_call_times_out_but_is_done(sandbox, key):
    impatient = client_for(sandbox, key, timeout=0.2)
    sandbox.accident("time_out", path="/v1/customers", seconds=1)
    with pytest.raises(stripe.APIConnectionError):
        impatient.v1.customers.create(CUSTOMER)

    assert len(client_for(sandbox, key).v1.customers.list().data) == 1


def test_only_meant_calls_are_hit(client, sandbox):
    sandbox.accident("conflict", times=2, method="POST", path="/v1/products")
    client.v1.customers.create(CUSTOMER)
    client.v1.products.list()

    assert [order["times"] for order in sandbox.state()["accidents"]] == [2]


def test_a_webhook_comes_twice(shop, sandbox, inbox, endpoint):
    sandbox.accident("duplicate", types=["customer.created"])
    shop.customer(None)
    sandbox.deliver_due()

    assert inbox.types == ["customer.created"] * 2
    assert inbox.events[0]["id"] == inbox.events[1]["id"]


def test_webhooks_come_in_the_wrong_order(shop, sandbox, inbox, endpoint):
    sandbox.accident("reorder", 2)
    shop.customer(None)
    assert sandbox.deliver_due() == []
    shop.v1.products.create({"name": "Second"})
    sandbox.deliver_due()

    assert inbox.types == ["product.created", "customer.created"]


def test_what_is_held_back_can_be_released(shop, sandbox, inbox, endpoint):
    sandbox.accident("reorder", 5)
    shop.customer(None)
    assert sandbox.control("release") == {"released": 1}
    sandbox.deliver_due()

    assert inbox.types == ["customer.created"]


def test_a_webhook_comes_late(shop, sandbox, inbox, endpoint):
    sandbox.accident("late", seconds=3600)
    shop.customer(None)
    assert sandbox.deliver_due() == []
    sandbox.clock.move(hours=1)
    sandbox.deliver_due()

    assert inbox.types == ["customer.created"]


@pytest.mark.parametrize(("kind", "looks_delivered"), [("lost", False), ("swallowed", True)])
def test_a_webhook_never_comes(client, shop, sandbox, inbox, endpoint, kind, looks_delivered):
    sandbox.accident(kind)
    shop.customer(None)
    sandbox.clock.move(days=4)
    sandbox.deliver_due()
    found = client.v1.events.list({"type": "customer.created", "delivery_success": looks_delivered}).data

    assert inbox.arrived == []
    assert len(found) == 1


@pytest.mark.parametrize(("kind", "facts"), [("wrong_signature", {}), ("wrong_time", {"seconds": -301})])
def test_a_webhook_is_signed_wrongly_once(shop, sandbox, inbox, endpoint, kind, facts):
    sandbox.accident(kind, **facts)
    inbox.answers = [400]
    shop.customer(None)
    sandbox.deliver_due()
    now = sandbox.clock()
    sandbox.clock.move(hours=1)
    sandbox.deliver_due()

    assert inbox.verified(endpoint.secret, now)[0] is False
    assert inbox.verified(endpoint.secret, sandbox.clock())[1] is True


def test_a_webhook_has_an_older_shape(shop, sandbox, inbox, endpoint):
    sandbox.accident("older_shape", types=["customer.subscription.created"])
    shop.subscribe()
    sandbox.deliver_due()
    [event] = [event for event in inbox.events if event["type"] == "customer.subscription.created"]

    assert event["api_version"] == "2024-06-20"
    assert event["data"]["object"]["current_period_end"]
    assert "current_period_end" not in event["data"]["object"]["items"]["data"][0]


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_the_next_subscription_has_the_ordered_billing_mode(shop, sandbox, mode):
    sandbox.accident("billing_mode", mode=mode)

    assert shop.subscribe().billing_mode.type == mode


def test_an_endpoint_is_disabled_and_an_event_sent_again(client, shop, sandbox, inbox, endpoint):
    sandbox.control(f"do/disable/{endpoint.id}")
    shop.customer(None)
    assert sandbox.deliver_due() == []
    sandbox.control(f"do/enable/{endpoint.id}")
    [event] = client.v1.events.list({"type": "customer.created"}).data
    sandbox.control(f"do/resend/{event.id}")
    sandbox.deliver_due()

    assert inbox.types == ["customer.created"]


def test_the_clock_moves_and_things_happen(client, shop, sandbox):
    made = shop.subscribe()
    sandbox.control("clock", days=32)

    assert len(client.v1.invoices.list({"subscription": made.id}).data) == 2
    assert sandbox.state()["ahead_seconds"] >= 32 * 86_400


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("clock", {"days": -1}, 400),
        ("clock", {"fortnights": 1}, 400),
        ("accidents", {"kind": "earthquake"}, 400),
        ("accidents", {"kind": "delay", "times": 0}, 400),
        ("accidents", {"kind": "delay", "colour": "red"}, 400),
        ("settings", {"after_retries": "forgive"}, 400),
        ("do/burn/ch_1", {}, 404),
        ("do/refund/ch_none", {}, 404),
    ],
)
def test_wrong_orders_are_refused(sandbox, path, given, status):
    assert requests.post(f"{sandbox.url}/_sandbox/{path}", json=given, timeout=10).status_code == status


def test_other_sites_cannot_steer_the_sandbox(sandbox):
    stranger = {"Sec-Fetch-Site": "cross-site"}
    for path in ("/_sandbox/clock", "/accidents/clock"):
        answer = requests.post(sandbox.url + path, json={"days": 1}, headers=stranger, timeout=10)
        assert answer.status_code == 403


def test_the_page_offers_every_accident_in_words(sandbox):
    options = Visitor(sandbox.url).open(f"{sandbox.url}/accidents").soup.select("#kind option")
    assert {option["value"] for option in options} == set(control.KINDS)
    assert all(" " in option.get_text() for option in options)


def test_the_page_breaks_things(client, shop, sandbox, endpoint):
    shop.subscribe()
    person = Visitor(sandbox.url).open(f"{sandbox.url}/accidents")
    person.send("Order it", kind="lost_reply", times="2", path="/v1/nowhere")
    assert "Stripe does it, but the answer is lost × 2" in person.text
    person.send("Take all orders back")
    assert "No accident is ordered" in person.text
    person.send("One day on", step="day").send("Disable").send("Dispute").send("Vendor wins")
    assert person.send("Save settings", after_retries="unpaid").status == 200
    assert sandbox.state()["settings"]["after_retries"] == "unpaid"
    sandbox.control("settings", after_retries="past_due")

    assert client.v1.webhook_endpoints.retrieve(endpoint.id).status == "disabled"
    assert [dispute.status for dispute in client.v1.disputes.list().data] == ["won"]
    assert person.send("Order it", kind="delay", times="often").status == 422
