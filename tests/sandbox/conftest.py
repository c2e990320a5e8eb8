"""A sandbox for all tests of a module, an API key of its own for each test, and the judge's word at the end of each."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import requests
import stripe

from tests.sandbox.inbox import ORIGIN, Inbox
from tests.sandbox.shop import Shop
from tests.support.sandbox_server import RunningSandbox, running_sandbox

VERSION = "2026-05-27.dahlia"
stripe.enable_telemetry = False
numbers = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The sandbox has a SQLite file of its own, whichever database the portal is tested on."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("sqlite_only")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSandbox]:
    """One server for the module; accounts keep the tests apart."""
    with running_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(server: RunningSandbox) -> Iterator[RunningSandbox]:
    """The server, with the promise that nothing invalid passes it."""
    server.judge.problems.clear()
    server.judge.seen.clear()
    yield server
    server.forget()
    assert server.judge.problems == []


@pytest.fixture
def key() -> str:
    """An API key that nobody used before."""
    return f"sk_test_{next(numbers):08d}"


def client_for(sandbox: RunningSandbox, key: str, version: str = VERSION, timeout: float = 10) -> stripe.StripeClient:
    """Stripe's own client, pointed at the sandbox."""
    return stripe.StripeClient(
        key,
        stripe_version=version,
        base_addresses={"api": sandbox.url},
        http_client=stripe.RequestsClient(timeout=timeout),
        max_network_retries=0,
    )


@pytest.fixture
def client(sandbox: RunningSandbox, key: str) -> stripe.StripeClient:
    """Stripe's own client with this test's key."""
    return client_for(sandbox, key)


@pytest.fixture
def shop(client: stripe.StripeClient) -> Shop:
    """A product with prices and a customer with a card, made through the API."""
    return Shop(client)


@pytest.fixture
def raw(sandbox: RunningSandbox, key: str):
    """Plain HTTP with this test's key: `raw("POST", "/v1/customers", data=…)`."""

    def send(method: str, path: str, **options) -> requests.Response:
        headers = {"Authorization": f"Bearer {key}"} | options.pop("headers", {})
        return requests.request(method, sandbox.url + path, headers=headers, timeout=10, **options)

    return send


@pytest.fixture
def inbox(sandbox: RunningSandbox) -> Iterator[Inbox]:
    """A receiver of webhooks inside this process, at `inbox.ORIGIN`."""
    found = Inbox()
    sandbox.connect(ORIGIN, found.app())
    yield found
    sandbox.connected.clear()
    sandbox.app.extensions["sandbox"].store.connection().execute("DELETE FROM deliveries")


@pytest.fixture
def endpoint(client: stripe.StripeClient, inbox: Inbox) -> stripe.WebhookEndpoint:
    """This test's webhook endpoint, for everything."""
    return client.v1.webhook_endpoints.create({"url": f"{ORIGIN}/hook", "enabled_events": ["*"]})
