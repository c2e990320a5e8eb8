"""Buying in a browser: the key on the screen, by mail when the browser is closed, and without any webhook."""

from __future__ import annotations

import contextvars
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from itertools import count
from pathlib import Path

import pytest
import stripe
from sqlalchemy import select

from portal.billing import plan_sync
from portal.billing import service as billing
from portal.billing.gateway import STRIPE_API_VERSION
from portal.extensions import db
from portal.licenses.models import License
from portal.outbox import service as outbox
from portal.outbox.worker import Worker
from portal.vendors.models import Vendor
from tests import factories
from tests.billing.shop import Shop
from tests.factories import PASSWORD
from tests.journeys.person import Person
from tests.journeys.site import Site
from tests.webhooks.letters import SECRET

numbers = count(1)
EMAIL = "ada@mail.example"


@pytest.fixture
def shop(site: Site, vendor: Vendor) -> Shop:
    """A vendor with two plans, connected to the portal; somebody is a customer without a license."""
    key = f"sk_test_buying{next(numbers):08d}"
    client = stripe.StripeClient(
        key,
        stripe_version=STRIPE_API_VERSION,
        base_addresses={"api": site.sandbox.url},
        http_client=stripe.RequestsClient(timeout=10),
    )
    factories.make_product(vendor)
    billing.set_account(vendor, api_key=key, webhook_secrets=[SECRET])
    db.session.commit()
    shop = Shop(client)
    assert shop.monthly
    skm = '{"F2": true, "MaxNoOfMachines": 2}'
    once = {"product": shop.product.id, "currency": "usd", "unit_amount": 9900, "nickname": "For ever"}
    shop.v1.prices.create({**once, "metadata": {"skm": skm}})
    plan_sync.sync(vendor)
    db.session.commit()
    customer = factories.make_customer(vendor, email=EMAIL, name="Globex Research")
    factories.make_association(factories.make_user(EMAIL), customer)
    return shop


@pytest.fixture
def buyer(site: Site, shop: Shop, person: Person) -> Person:
    """The customer, signed in, on the plans page."""
    person.open(site.portal("SignIn")).fill("E-mail", EMAIL).fill("Password", PASSWORD).click("^Sign in$")
    person.open(site.portal("Licenses")).click("See the plans", role="link").sees("19.00 per month").sees("99.00 once")
    return person


def work(site: Site, *jobs: str) -> None:
    """These jobs, and everything they lead to, are done by a worker."""
    for name in jobs:
        outbox.queue_job(name, vendor_id=None)
    db.session.commit()
    assert contextvars.Context().run(Worker(site.app).drain).failed == 0
    db.session.expire_all()


def session_of(person: Person, site: Site) -> str:
    """The checkout whose page is open."""
    assert person.page.url.startswith(f"{site.sandbox.url}/c/pay/")
    return person.page.url.rsplit("/", 1)[1]


def pay(person: Person, site: Site, means: str = "Visa ending in 4242") -> None:
    """Choose how to pay, pay, and be sent back."""
    session_of(person, site)
    person.page.get_by_label(means).check()
    db.session.commit()
    person.page.get_by_role("button", name="Pay").click()
    person.page.wait_for_url(f"{site.url}/**")


def the_key() -> str:
    """The only key."""
    db.session.expire_all()
    found = db.session.scalars(select(License.key)).one()
    db.session.commit()
    return found


def mails_with(site: Site, key: str) -> list[str]:
    """To whom mails with this key were sent."""
    folder = Path(site.app.extensions["settings"].mail_url.removeprefix("file:"))
    found = [message_from_bytes(path.read_bytes(), policy=default) for path in folder.glob("*.eml")]
    return [mail["To"] for mail in found if key in mail.get_body(("plain",)).get_content()]  # type: ignore[union-attr]


def test_from_the_plans_page_to_the_key_on_the_screen(site: Site, buyer: Person) -> None:
    buyer.click("^Buy.*per month")
    pay(buyer, site)
    buyer.sees("Your license key").sees("purchase is complete")
    key = buyer.page.locator("input[readonly]").first.input_value()
    assert key == the_key()

    buyer.click("View license", role="link").sees("Subscription")
    buyer.open(site.portal("Billing")).sees("Purchases").sees("Paid")
    buyer.open(site.portal("Plans")).sees("You have 1 license of this plan")
    assert key in site.last_mail(EMAIL).text
    assert site.sandbox.judge.problems == []


def test_the_browser_is_closed_before_the_return_and_the_key_comes_by_mail(
    site: Site, shop: Shop, vendor: Vendor, buyer: Person
) -> None:
    url = f"{site.url}/api/subscription/StripeUrl?id={vendor.id}"
    made = shop.v1.webhook_endpoints.create({"url": url, "enabled_events": ["checkout.session.completed"]})
    billing.set_account(vendor, webhook_secrets=[str(made.secret)])
    db.session.commit()
    buyer.click("^Buy.*once")
    site.sandbox.pay(session_of(buyer, site))
    buyer.page.goto("about:blank")

    assert [delivery.status for delivery in site.sandbox.deliver_due()] == [200]
    work(site)
    assert mails_with(site, the_key()) == [EMAIL]
    buyer.open(site.portal("Licenses")).sees("Perpetual")


@pytest.mark.parametrize("endpoint", ["missing", "disabled"])
def test_without_a_webhook_the_sweep_makes_the_key(
    site: Site, shop: Shop, vendor: Vendor, buyer: Person, endpoint: str
) -> None:
    if endpoint == "disabled":
        url = f"{site.url}/api/subscription/StripeUrl?id={vendor.id}"
        made = shop.v1.webhook_endpoints.create({"url": url, "enabled_events": ["checkout.session.completed"]})
        site.sandbox.control(f"do/disable/{made.id}")
    buyer.click("^Buy.*per month")
    site.sandbox.pay(session_of(buyer, site))
    assert site.sandbox.deliver_due() == []
    buyer.open(site.portal("Plans")).sees("If you have paid, the key is being made")
    work(site, "fulfillment.sweep_orders")

    buyer.open(site.portal("Licenses")).sees("renews on")
    assert mails_with(site, the_key()) == [EMAIL]


def test_an_unpaid_subscription_asks_for_another_card(site: Site, buyer: Person) -> None:
    buyer.click("^Buy.*per month")
    session = session_of(buyer, site)
    pay(buyer, site, "Bank account ending in 3001")
    buyer.sees("Waiting for your bank")
    site.sandbox.control(f"do/settle/{session}", paid=False)
    work(site, "fulfillment.sweep_ending")
    buyer.open(site.portal("Licenses")).sees("There is no key yet").sees("payment failed")
    buyer.open(site.portal("Billing")).click("Widget Studio", role="link").click("Update payment method")
    assert buyer.page.url.startswith(site.sandbox.url)


@pytest.mark.parametrize("pays", [True, False])
def test_a_bank_is_waited_for(site: Site, buyer: Person, pays: bool) -> None:
    buyer.click("^Buy.*once")
    session = session_of(buyer, site)
    pay(buyer, site, "Bank account ending in 3000" if pays else "Bank account ending in 3001")
    buyer.sees("Waiting for your bank").sees("do not pay again")
    buyer.open(site.portal("Plans")).sees("Waiting for your bank")
    site.sandbox.control(f"do/settle/{session}", paid=pays)
    work(site, "fulfillment.sweep_ending")

    buyer.open(site.portal("Billing")).sees("Paid" if pays else "Failed").click("Widget Studio", role="link")
    buyer.sees("Your license key" if pays else "The payment failed")
    if not pays:
        buyer.click("Buy again")
        assert session_of(buyer, site) != session


def test_gone_back_without_paying_and_on_again(site: Site, buyer: Person) -> None:
    buyer.click("^Buy.*per month")
    session = session_of(buyer, site)
    buyer.page.get_by_role("link", name="Go back without paying").click()
    buyer.page.wait_for_url(f"{site.url}/**")
    buyer.sees("You began to buy")
    db.session.commit()
    later = buyer.page.get_by_role("link", name="I have paid already").get_attribute("href")
    buyer.open(f"{site.url}{later}&turn=99").sees("Not paid yet")
    buyer.click("Continue your purchase")
    assert session_of(buyer, site) == session

    buyer.page.goto(f"{site.url}{later}")
    buyer.sees("looks again by itself")
    site.sandbox.pay(session)
    buyer.sees("Your license key")  # nobody pressed anything


def test_while_stripe_is_away_the_plans_stay_and_buying_says_so(site: Site, buyer: Person) -> None:
    before = site.app.extensions["settings"]
    site.app.extensions["settings"] = replace(before, stripe_api_base="http://127.0.0.1:9")
    try:
        buyer.open(site.portal("Plans")).sees("19.00 per month")
        buyer.click("^Buy.*per month").sees("Nothing was charged").sees("Try again")
    finally:
        site.app.extensions["settings"] = before
    buyer.click("Try again")
    assert session_of(buyer, site)


def test_the_front_page_shows_plans_to_strangers(site: Site, shop: Shop, person: Person) -> None:
    assert shop
    person.open(site.portal()).sees("19.00 per month").sees("Create an account to buy")
