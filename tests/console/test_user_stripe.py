"""The Stripe part of /User/Profile, and `latchkey vendors stripe`, against a running sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit import service as audit
from portal.audit.models import AuditEntry
from portal.billing import service as billing
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.cli.conftest import Latchkey
from tests.factories import make_staff
from tests.support import databases
from tests.support.page import Page
from tests.support.sandbox_server import RunningSandbox, running_sandbox

FORM = 'form[action="/User/Profile/Stripe"]'
SECRET = "whsec_abcdefghijklmnop"
numbers = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSandbox]:
    """A sandbox on a free port."""
    with running_sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def shared_app(database_url: str, server: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The portal, pointed at the sandbox."""
    folder = tmp_path_factory.mktemp("stripe")
    return databases.make_app(database_url, folder, LATCHKEY_STRIPE_API_BASE=server.url)


@pytest.fixture
def key() -> str:
    """A key of an account of its own."""
    return f"sk_test_console{next(numbers):08d}"


def changed(desk: Page) -> str:
    """Who last changed the settings, as the page says it."""
    found = [row for row in desk.soup.select("#stripe dl > div") if row.select_one("dt").get_text() == "Changed"]
    return found[0].select_one("dd").get_text() if found else ""


def test_what_a_job_notes_is_no_change_of_the_settings(desk: Page, acme: Vendor) -> None:
    db.session.add(StripeAccount(vendor_id=acme.id))
    audit.record(acme.id, "stripe.set", f"vendor:{acme.id}", after={"has_key": True})
    db.session.commit()
    assert changed(desk.get("/User/Profile")) == ""


def test_the_key_is_stored_and_never_shown_again(desk: Page, acme: Vendor, key: str) -> None:
    assert "No API key yet" in desk.get("/User/Profile").text
    desk.submit({"api_key": key}, form=FORM).follow()

    account = billing.account_of(acme)
    assert (account.has_api_key, account.livemode) == (True, False)
    assert key not in desk.html
    assert changed(desk).endswith("owner@acme.example")
    entries = db.session.scalars(select(AuditEntry)).all()
    assert [entry.action for entry in entries] == ["stripe.set"]
    written = str([(entry.before, entry.after) for entry in entries])
    assert key not in written


@pytest.mark.parametrize(("start", "link"), [("/Reconciliation", "Set up Stripe"), ("/StripeDoctor", "Enter a key")])
def test_pages_that_need_a_key_lead_to_where_it_is_set(desk: Page, start: str, link: str) -> None:
    path, _, part = desk.get(start).soup.find("a", string=link)["href"].partition("#")
    card = desk.get(path).soup.find(id=part)
    assert part == "stripe" and "API key" in card.get_text()


def test_empty_fields_keep_what_is_stored(desk: Page, acme: Vendor, key: str) -> None:
    billing.set_account(acme, webhook_secrets=[SECRET])
    db.session.commit()
    desk.get("/User/Profile").submit({"api_key": key}, form=FORM).follow()
    desk.submit({"portal_login_url": "https://billing.stripe.com/p/login/test_1"}, form=FORM).follow()
    account = billing.account_of(acme)
    assert (account.has_api_key, account.webhook_secret_count) == (True, 1)
    assert account.portal_login_url == "https://billing.stripe.com/p/login/test_1"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api_key", "pk_test_public"),
        ("api_key", "sk_live_forbidden0000"),
        ("portal_login_url", "http://billing.stripe.example"),
    ],
)
def test_a_bad_setting_is_refused_beside_its_field_and_not_echoed(
    desk: Page, acme: Vendor, field: str, value: str
) -> None:
    desk.get("/User/Profile").submit({field: value}, form=FORM, status=422)
    assert desk.soup.select_one(f"#{field}-e").get_text()
    if field != "portal_login_url":
        assert value not in desk.html
    assert not billing.account_of(acme).has_api_key


def test_reading_stripe_again_says_what_was_found(desk: Page, acme: Vendor, key: str) -> None:
    desk.get("/User/Profile").submit({"api_key": key}, form=FORM).follow()
    desk.submit(form='form[action="/User/Profile/Sync"]').follow()
    assert "Read 0 subscriptions, 0 of them linked." in desk.text


def test_the_key_can_be_removed(desk: Page, acme: Vendor, key: str) -> None:
    desk.get("/User/Profile").submit({"api_key": key}, form=FORM).follow()
    desk.submit(form='form[action="/User/Profile/Stripe/Remove"]').follow()
    assert "No API key yet" in desk.text
    assert not billing.account_of(acme).has_api_key


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_only_admins_touch_stripe(page: Page, acme: Vendor, role: str) -> None:
    page.sign_in(make_staff(acme, role), vendor=acme)
    page.post("/User/Profile/Stripe", status=403)
    page.post("/User/Profile/Stripe/Remove", status=403)
    page.post("/User/Profile/Sync", status=403)
    assert not page.get("/User/Profile").soup.select("input[type=password]")


def test_the_command_sets_the_same(
    app: Flask, acme: Vendor, database_url: str, server: RunningSandbox, tmp_path: Path, key: str
) -> None:
    environment = databases.environment(database_url, tmp_path, LATCHKEY_STRIPE_API_BASE=server.url)
    latchkey = Latchkey(environment)
    command = ("vendors", "stripe", "--domain", "acme.example")

    facts = latchkey.facts(*command, "--api-key", "-", "--webhook-secret", SECRET, typed=key + "\n")
    assert facts == {
        "domain": "acme.example",
        "livemode": False,
        "webhook_url": f"http://localhost/api/subscription/StripeUrl?id={acme.id}",
    }
    assert "starts with rk_ or sk_" in latchkey.refusal(*command, "--api-key", "nonsense")
    latchkey.run(*command, status=2)
    assert billing.account_of(acme).webhook_secret_count == 1
