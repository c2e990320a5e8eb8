"""`latchkey billing`."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from portal.cli import cli, running
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.billing.shop import Shop
from tests.factories import make_customer, make_license


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch):
    """Run a command against the test's app."""

    @contextmanager
    def same_app(**options):
        from click import ClickException

        from portal.errors import PortalError

        try:
            yield app
        except PortalError as error:
            raise ClickException(error.message) from error

    monkeypatch.setattr(running, "portal_app", same_app)

    def invoke(*arguments: str) -> Result:
        db.session.commit()
        return CliRunner().invoke(cli, ["billing", *arguments])

    return invoke


def test_sync_prints_what_was_read_and_linked(run, vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    shop.subscribe(shop.customer(customer), make_license(vendor, customer=customer))
    shop.subscribe(shop.customer())

    whole = run("sync", "--vendor", "acme.example", "--json")
    assert json.loads(whole.output) == {"subscriptions": 2, "linked": 1, "plans": 1, "plans_sold": 1}
    one = run("sync", "--vendor", "acme.example", "--customer", str(customer.id), "--json")
    assert json.loads(one.output) == {"subscriptions": 1, "linked": 1}


@pytest.mark.parametrize("arguments", [("--vendor", "nobody.example"), ("--vendor", "acme.example", "--customer", "9")])
def test_sync_of_what_is_not_there_is_one_clear_line(run, vendor: Vendor, arguments: tuple[str, ...]) -> None:
    done = run("sync", *arguments)
    assert (done.exit_code, len(done.output.strip().splitlines())) == (1, 1)


def test_link_makes_one_counterpart(run, vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    first, second = (run("link", "--vendor", "acme.example", "--customer", str(customer.id), "--json") for _ in "ab")
    made = json.loads(first.output)
    assert made["stripe_customer"].startswith("cus_")
    assert json.loads(second.output) == made
    assert len(shop.v1.customers.list({}).data) == 1
