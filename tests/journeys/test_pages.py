"""Pages no other journey passes: the component gallery in every state, front pages, errors, the framed card."""

from __future__ import annotations

import pytest

from portal.extensions import db
from portal.vendors.models import Vendor
from tests import factories
from tests.factories import PASSWORD
from tests.journeys.person import Person
from tests.journeys.site import Site


@pytest.mark.parametrize("path", ["/dev/components", "/dev/accent/ffff00", "/dev/accent/101010"])
def test_every_component_is_accessible_in_every_state(site: Site, vendor: Vendor, person: Person, path: str) -> None:
    person.open(site.url + path)


def test_pages_for_strangers(site: Site, vendor: Vendor, person: Person) -> None:
    db.session.commit()
    for page in (
        "",
        "SignIn",
        "ForgotPassword",
        "ConfirmEmail",
        "Associate",
        "Embed/Associate",
        "Licenses/99",
        "nothing",
    ):
        person.open(site.portal(page))
    person.open(f"{site.url}/SignIn").open(f"{site.url}/nothing-here").sees("no such page")


def test_pages_of_an_account(site: Site, vendor: Vendor, person: Person) -> None:
    factories.set_terms(vendor)
    user, customer = factories.make_user(), factories.make_customer(vendor)
    factories.make_association(user, customer)
    product = factories.make_product(
        vendor, "A product with a name that is long enough to wrap on every phone there is"
    )
    for number in range(3):
        license = factories.make_license(vendor, product, customer, block=number == 1)
        factories.make_machine(license, "0123456789abcdef" * 8, friendly_name="Reception desk")
    email = user.email
    person.open(site.portal("SignIn")).fill("E-mail", email).fill("Password", PASSWORD).click("^Sign in$")
    person.tick("accept").click("Accept|Continue")
    for page in (
        "Licenses",
        "Licenses/1",
        "Plans",
        "Billing",
        "Account",
        "Account/Password",
        "Account/Sessions",
        "Account/Leave",
    ):
        person.open(site.portal(page))
        assert person.path.endswith(page), page
    person.open(site.portal("Terms")).open(site.portal("Terms/Receipt")).open(f"{site.url}/Portal/Admin")
