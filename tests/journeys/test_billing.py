"""The step to Stripe's billing portal and back, in a browser that enforces our policy."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
import stripe

from portal.account.models import User
from portal.billing import service as billing
from portal.billing.gateway import STRIPE_API_VERSION
from portal.extensions import db
from portal.vendors.models import Vendor
from tests import factories
from tests.billing.shop import Shop
from tests.factories import PASSWORD
from tests.journeys.person import Person
from tests.journeys.site import Site

numbers = count(1)


@pytest.fixture
def shop(site: Site, vendor: Vendor) -> Shop:
    """The vendor's account at the sandbox, connected to the portal."""
    key = f"sk_test_journey{next(numbers):08d}"
    client = stripe.StripeClient(
        key,
        stripe_version=STRIPE_API_VERSION,
        base_addresses={"api": site.sandbox.url},
        http_client=stripe.RequestsClient(timeout=10),
    )
    billing.set_account(vendor, api_key=key)
    db.session.commit()
    return Shop(client)


@pytest.fixture
def subscriber(vendor: Vendor, shop: Shop) -> User:
    """Somebody who pays for a license by the month."""
    customer = factories.make_customer(vendor, name="Globex Research")
    license = factories.make_license(vendor, factories.make_product(vendor), customer)
    shop.subscribe(shop.customer(customer), license)
    billing.sync(vendor)
    user = factories.make_user("payer@mail.example")
    factories.make_association(user, customer)
    db.session.commit()
    return user


def _sign_in(person: Person, site: Site, user: User) -> None:
    email = user.email
    person.open(site.portal("SignIn")).fill("E-mail", email).fill("Password", PASSWORD).click("^Sign in$")


def test_canceling_at_stripe_shows_ends_on_at_the_same_card(site: Site, subscriber: User, person: Person) -> None:
    _sign_in(person, site, subscriber)
    person.open(site.portal("Licenses")).sees("renews on").does_not_see("ends on")

    person.click("Cancel")
    assert person.page.url.startswith(site.sandbox.url)
    person.click("Cancel")
    person.page.wait_for_url(f"{site.url}/**")

    assert person.path.split("?")[0].endswith("/Licenses")
    person.sees("ends on").does_not_see("renews on")

    person.click("Keep").click("Don.t cancel|Keep|Resume")
    if person.page.url.startswith(site.sandbox.url):
        person.page.get_by_role("link", name="Return").first.click()
    person.page.wait_for_url(f"{site.url}/**")
    person.open(site.portal("Licenses")).sees("renews on")
    assert site.sandbox.judge.problems == []


def test_manage_billing_opens_the_portal_and_comes_back(site: Site, subscriber: User, person: Person) -> None:
    _sign_in(person, site, subscriber)
    person.open(site.portal("Billing")).click("Manage billing")
    assert person.page.url.startswith(site.sandbox.url)
    person.page.get_by_role("link", name="Return").first.click()
    person.page.wait_for_url(f"{site.url}/**")

    assert person.path.split("?")[0].endswith("/Billing")


def test_while_stripe_is_away_the_pages_stay_and_the_step_says_so(site: Site, subscriber: User, person: Person) -> None:
    _sign_in(person, site, subscriber)
    app_settings = site.app.extensions["settings"]
    site.app.extensions["settings"] = replace(app_settings, stripe_api_base="http://127.0.0.1:9")
    try:
        person.open(site.portal("Licenses")).sees("renews on")
        person.open(site.portal("Billing")).click("Manage billing").sees("again")
    finally:
        site.app.extensions["settings"] = app_settings


def test_without_an_api_key_the_button_leads_to_the_login_link(site: Site, vendor: Vendor, person: Person) -> None:
    login = f"{site.sandbox.url}/p/login/none"
    vendor.switches = {**vendor.switches, "portal_login_link": login}
    db.session.commit()
    user = factories.make_customer_user(vendor, email="no.code+1@mail.example")
    _sign_in(person, site, user)
    person.open(site.portal("Billing")).sees("passcode").sees("no.code\\+1@mail.example")
    db.session.commit()
    person.page.get_by_role("button", name="Manage billing").click()
    person.page.wait_for_url(f"{login}*")

    assert "prefilled_email=no.code%2B1%40mail.example" in person.page.url
