"""A vendor's admin sets Stripe up from the doctor's page; every page is checked for accessibility in both themes."""

from __future__ import annotations

from portal.extensions import db
from portal.vendors.models import Vendor
from tests import factories
from tests.billing.shop import Shop
from tests.factories import PASSWORD
from tests.journeys.person import Person
from tests.journeys.site import Site
from tests.journeys.test_billing import shop

__all__ = ["shop"]
LONG = "A product with a name that is long enough to wrap on every phone there is"


def _sign_in(person: Person, site: Site, vendor: Vendor) -> None:
    email = factories.make_staff(vendor, "admin").email
    db.session.commit()
    person.open(f"{site.url}/SignIn").fill("E-mail", email).fill("Password", PASSWORD).click("^Sign in$")


def test_an_admin_sets_stripe_up_from_nothing(site: Site, vendor: Vendor, shop: Shop, person: Person) -> None:
    factories.make_product(vendor, "Render Studio")
    _sign_in(person, site, vendor)
    person.open(f"{site.url}/StripeDoctor").sees("Not checked yet").click("Check now")
    person.sees("Stripe has no webhook endpoint").click("Make the endpoint").sees("its secret is stored")

    person.open(f"{site.url}/StripeDoctor/Product").fill("Name", LONG).fill("^Price", "nineteen").click("Make it")
    person.sees("Type an amount").fill("^Price", "19.00").tick("F1").click("Make it").sees("are at Stripe")
    person.open(f"{site.url}/StripeDoctor/Portal").tick("change plans")
    person.fill("Privacy policy", "https://acme.example/privacy").fill("Terms of service", "https://acme.example/terms")
    person.click("Save at Stripe").sees("settings at Stripe are saved").click("Take the link over")
    person.checked.clear()
    person.open(f"{site.url}/StripeDoctor").sees("Everything is in order")
    (made,) = shop.v1.webhook_endpoints.list().data
    assert made.url == f"{site.url}/api/subscription/StripeUrl?id={vendor.id}"


def test_every_kind_of_finding_fits_on_the_page(site: Site, vendor: Vendor, shop: Shop, person: Person) -> None:
    factories.make_product(vendor, LONG)
    unbound = shop.v1.products.create({"name": LONG, "default_price_data": {"currency": "usd", "unit_amount": 900}})
    bound = {"name": LONG, "metadata": {"skm_product_id": "1"}}
    price = {"currency": "usd", "unit_amount": 1900, "recurring": {"interval": "month"}}
    made = shop.v1.products.create({**bound, "default_price_data": {**price, "metadata": {"skm": '{"Colour": 1}'}}})
    for _number in range(3):
        shop.customer(email="the-very-same-and-rather-long-address@customers.mail.example")
    shop.v1.customers.create({"name": "Nobody"})
    _sign_in(person, site, vendor)
    person.open(f"{site.url}/StripeDoctor").click("Check now").sees("CreateKey has no parameter colour")
    person.checked.clear()
    person.open(f"{site.url}/StripeDoctor")
    person.sees("Several customers at Stripe").sees("has no e-mail address").sees(unbound.id[:3])
    person.open(f"{site.url}/StripeDoctor/Price?id={made.default_price}").sees("Colour").click("Save at Stripe")
    person.sees("now says how its keys are made").does_not_see("no parameter colour")
