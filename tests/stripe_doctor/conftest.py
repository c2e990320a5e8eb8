"""A vendor whose Stripe is a running sandbox, and staff who look after it."""

from __future__ import annotations

import contextvars
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
from portal.outbox import service as outbox
from portal.outbox.worker import Worker
from portal.stripe_doctor import service
from portal.stripe_doctor.findings import Finding
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
        assert found is not None and found.state == "checked"
        db.session.commit()
        return found

    def codes(self) -> set[str]:
        """What a run finds."""
        return {one.code for one in self.run().found}

    def the(self, code: str) -> Finding:
        """The one finding of this kind."""
        (found,) = [one for one in self.run().found if one.code == code]
        return found

    def move(self, **amount: float) -> None:
        """Time goes by, at both ends."""
        self.sandbox.clock.move(**amount)
        clock.move(datetime.fromtimestamp(self.sandbox.clock.now, UTC) - clock.now())

    def sell(self, skm: str | None = "{}", product_id: str = "1", *, plan: dict[str, str] | None = None) -> Any:
        """A monthly price of a product that pays licenses of ours."""
        bound = {"skm_product_id": product_id} if product_id else {}
        made = self.v1.products.create({"name": "Widget Studio", "metadata": bound})
        metadata = {**({"skm": skm} if skm is not None else {}), **(plan or {})}
        given = {"product": made.id, "currency": "usd", "unit_amount": 1900, "recurring": {"interval": "month"}}
        return self.v1.prices.create({**given, "metadata": metadata})

    def deliver(self) -> set[int]:
        """Stripe tries its webhooks; how the door answers those of this account."""
        ours = {one.id for one in self.v1.events.list({"limit": 100}).data}
        return {one.status for one in self.sandbox.deliver_due() if one.event in ours}

    def work(self, job: str, **given: Any) -> None:
        """A worker does this, and everything it leads to."""
        outbox.queue_job(job, **given)
        db.session.commit()
        contextvars.Context().run(Worker(self.page.app).drain)
        db.session.rollback()
        db.session.expire_all()

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


def send(page: Page, action: str, status: int = 303, **fields: str) -> Page:
    """A post below /StripeDoctor that no button of the page sends, with the page's token."""
    token = {one["name"]: one["value"] for one in page.soup.select("form[action='/SignOut'] input")}
    return page.post(f"/StripeDoctor{action}", token | fields, status=status)


def press(desk: Page, action: str, **fields: str) -> Page:
    """The button of /StripeDoctor that posts there with these fields; the page that follows."""
    for form in desk.get("/StripeDoctor").soup.select(f'form[action="/StripeDoctor/{action}"]'):
        given = {one["name"]: one.get("value", "") for one in form.select("input")}
        if all(given.get(name) == value for name, value in fields.items()):
            chosen = {one["name"]: one.select_one("option")["value"] for one in form.select("select")}
            return desk.post(f"/StripeDoctor/{action}", given | chosen).follow()
    raise AssertionError(f"no button for {action} {fields}: {desk.text}")


@pytest.fixture
def desk(clinic: Clinic, vendor: Vendor) -> Page:
    """An owner of Acme, signed in."""
    return clinic.page.sign_in(make_staff(vendor, "owner", email="owner@acme.example"), vendor=vendor)
