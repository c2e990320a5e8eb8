"""A vendor who sells at a running sandbox, and the worker that turns payments into keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from portal.billing import service as billing
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.billing.conftest import buyer, key, sandbox, server, shared_app, shop, vendor
from tests.billing.shop import Shop
from tests.factories import make_product, make_staff
from tests.fulfillment.story import Story
from tests.support.page import Page
from tests.support.sandbox_server import RunningSandbox
from tests.webhooks.letters import SECRET

pytest.register_assert_rewrite("tests.fulfillment.gaps")

__all__ = ["buyer", "key", "sandbox", "server", "shared_app", "shop", "story", "vendor"]


@pytest.fixture
def story(app: Flask, vendor: Vendor, shop: Shop, sandbox: RunningSandbox, page: Page) -> Iterator[Story]:
    """Acme sells its product 1, at Stripe's time."""
    make_product(vendor)
    make_staff(vendor, email="owner@acme.example")
    billing.set_account(vendor, webhook_secrets=[SECRET])
    db.session.commit()
    told = Story(app, vendor.id, shop, sandbox, page)
    told.meet_the_clocks()
    db.session.commit()
    yield told
    told.calm_down()
