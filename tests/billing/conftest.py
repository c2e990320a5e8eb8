"""A portal that speaks to a running sandbox over HTTP, and a vendor with a shop there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import stripe
from flask import Flask

from portal.billing import service as billing
from portal.billing.gateway import STRIPE_API_VERSION
from portal.extensions import db
from portal.vendors.models import Vendor
from tests import factories
from tests.billing.buying import Buyer
from tests.billing.shop import Shop
from tests.fulfillment.story import Story
from tests.support import databases
from tests.support.page import Page
from tests.support.sandbox_server import RunningSandbox, running_sandbox

numbers = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[RunningSandbox]:
    """One sandbox for all tests here; API keys keep them apart."""
    with running_sandbox() as running:
        yield running


@pytest.fixture
def sandbox(server: RunningSandbox) -> Iterator[RunningSandbox]:
    """The sandbox, with the promise that every exchange was valid by Stripe's description."""
    server.judge.problems.clear()
    server.judge.seen.clear()
    yield server
    server.forget()
    assert server.judge.problems == []


@pytest.fixture(scope="session")
def shared_app(database_url: str, server: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The portal, pointed at the sandbox."""
    folder: Path = tmp_path_factory.mktemp("billing")
    return databases.make_app(database_url, folder, LATCHKEY_STRIPE_API_BASE=server.url)


@pytest.fixture
def key() -> str:
    """An API key that nobody used before: an account of its own."""
    return f"sk_test_billing{next(numbers):08d}"


@pytest.fixture
def shop(sandbox: RunningSandbox, key: str) -> Shop:
    """What the vendor sells at Stripe, reached beside the portal."""
    client = stripe.StripeClient(
        key,
        stripe_version=STRIPE_API_VERSION,
        base_addresses={"api": sandbox.url},
        http_client=stripe.RequestsClient(timeout=10),
        max_network_retries=0,
    )
    return Shop(client)


@pytest.fixture
def vendor(acme: Vendor, key: str, sandbox: RunningSandbox) -> Vendor:
    """Acme, with its Stripe account connected."""
    billing.set_account(acme, api_key=key)
    db.session.commit()
    return acme


@pytest.fixture
def buyer(app: Flask, vendor: Vendor, shop: Shop, sandbox: RunningSandbox, page: Page) -> Iterator[Buyer]:
    """A signed-in customer of Acme, which sells its product 1, at Stripe's time."""
    story = Story(app, vendor.id, shop, sandbox, page)
    story.meet_the_clocks()
    factories.make_product(vendor)
    user, customer = factories.make_user("ada@mail.example"), factories.make_customer(vendor, email="ada@mail.example")
    factories.make_association(user, customer)
    page.sign_in(user)
    yield Buyer(story, page, user.id, customer.id)
    story.calm_down()
