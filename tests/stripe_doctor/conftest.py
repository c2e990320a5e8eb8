"""A vendor whose Stripe is a running sandbox, and staff who look after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from flask import Flask

from portal import clock
from portal.extensions import db
from portal.fulfillment import service as fulfillment
from portal.fulfillment.reading import Source
from portal.stripe_doctor import service
from portal.stripe_doctor.report import Report
from portal.vendors.models import Vendor
from tests.billing.conftest import key, sandbox, server, shared_app, shop, vendor
from tests.billing.shop import Shop
from tests.factories import make_product, make_staff
from tests.support.page import Page
from tests.support.sandbox_server import RunningSandbox

__all__ = ["key", "sandbox", "server", "shared_app", "shop", "vendor"]


@dataclass
class Clinic:
    """Acme, its shop at Stripe, and what a test asks of both."""

    vendor_id: int
    shop: Shop
    sandbox: RunningSandbox
    page: Page

    @property
    def v1(self) -> Any:
        """Stripe's API, beside the portal."""
        return self.shop.v1

    def source(self) -> Source:
        """Where the portal reads."""
        db.session.rollback()
        found = fulfillment.source_of(self.vendor_id)
        assert found is not None
        db.session.rollback()
        return found

    def endpoints(self) -> list[Any]:
        """The webhook endpoints at Stripe."""
        return list(self.v1.webhook_endpoints.list().data)

    def run(self, *, quickly: bool = False) -> Report:
        """One run of all checks, kept."""
        db.session.rollback()
        found = service.run(self.vendor_id, quickly=quickly)
        assert found is not None
        db.session.commit()
        return found

    def codes(self) -> set[str]:
        """What a run finds."""
        return {one.code for one in self.run().found}

    def calm_down(self) -> None:
        """Nothing goes wrong any more."""
        assert requests.delete(f"{self.sandbox.url}/_sandbox/accidents", timeout=10).status_code == 200


@pytest.fixture
def clinic(app: Flask, vendor: Vendor, shop: Shop, sandbox: RunningSandbox, page: Page) -> Iterator[Clinic]:
    """Acme with its product 1, at Stripe's time."""
    make_product(vendor)
    clock.move(datetime.fromtimestamp(sandbox.clock.now, UTC) - clock.now())
    db.session.commit()
    found = Clinic(vendor.id, shop, sandbox, page)
    yield found
    found.calm_down()


@pytest.fixture
def desk(clinic: Clinic, vendor: Vendor) -> Page:
    """An owner of Acme, signed in."""
    return clinic.page.sign_in(make_staff(vendor, "owner", email="owner@acme.example"), vendor=vendor)
