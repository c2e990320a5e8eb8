"""From a link to the licenses: new accounts, known ones, changed terms."""

from __future__ import annotations

from playwright.sync_api import expect
from sqlalchemy import select

from portal.associate import links
from portal.data_objects.models import DataObject
from portal.extensions import db
from portal.terms.models import TermsAcceptance
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.factories import PASSWORD
from tests.journeys.person import Person
from tests.journeys.site import Site


def _sign_in(person: Person, site: Site, email: str) -> None:
    person.open(site.portal("SignIn")).fill("E-mail", email).fill("Password", PASSWORD).click("^Sign in$")


def test_a_stranger_with_the_generic_link_ends_on_an_empty_license_page(
    site: Site, vendor: Vendor, person: Person
) -> None:
    factories.set_terms(vendor)
    link = links.sign_up_link(vendors.profile_of(vendor))
    db.session.commit()

    person.open(link).sees("Acme Instruments invites you")
    person.fill("Name", "Grace Example").fill("E-mail", "grace@mail.example").fill("Password", "a long enough phrase")
    person.click("Create account").sees("accept")  # the box was not ticked: asked again, nothing lost
    assert person.page.get_by_label("E-mail").first.input_value() == "grace@mail.example"
    person.tick("accept").fill("Password", "a long enough phrase").click("Create account").sees("Confirm your address")
    person.fill("code", site.last_mail("grace@mail.example").code).click("Confirm")

    assert person.path.split("?")[0].endswith("/Licenses")
    person.sees("no licenses")
    assert db.session.scalar(select(TermsAcceptance.user_email)) == "grace@mail.example"


def test_a_personal_link_brings_its_licenses_to_an_existing_account(site: Site, vendor: Vendor, person: Person) -> None:
    customer = factories.make_customer(vendor, name="Globex Research", email="buyer@globex.example")
    license = factories.make_license(vendor, factories.make_product(vendor, "Oscilloscope Pro"), customer)
    user = factories.make_user("ada@mail.example")
    link = links.personal_link(vendors.profile_of(vendor), customer)
    assert link
    db.session.commit()

    person.open(link).click("Sign in", role="link")
    person.fill("E-mail", user.email).fill("Password", PASSWORD).click("^Sign in$")
    person.sees("ada@mail.example").click("Add to my account")

    person.open(site.portal("Licenses")).sees("Oscilloscope Pro")
    person.page.locator("details.key summary").first.click()
    expect(person.page.locator("details.key input").first).to_have_value(license.key)
    assert site.last_mail("buyer@globex.example").name == "link_bound"


def test_somebody_elses_link_says_so_and_offers_to_ask(site: Site, vendor: Vendor, person: Person) -> None:
    customer = factories.make_customer(vendor)
    factories.make_association(factories.make_user(), customer)
    second = factories.make_user("second@mail.example")
    link = links.personal_link(vendors.profile_of(vendor), customer)
    db.session.commit()

    _sign_in(person, site, second.email)
    person.open(str(link)).sees("someone else|another account").click("Ask").sees("asked|told|know")


def test_changed_terms_are_asked_again_before_the_next_page(site: Site, vendor: Vendor, person: Person) -> None:
    terms = factories.set_terms(vendor, "https://acme.example/terms-1")
    user = factories.make_customer_user(vendor)
    db.session.commit()
    _sign_in(person, site, user.email)
    person.sees("terms").tick("accept").click("Accept|Continue")
    person.open(site.portal("Licenses")).sees("no licenses")

    found = db.session.get(DataObject, (vendor.id, terms.id))
    assert found
    found.string_value = "https://acme.example/terms-2"
    db.session.commit()

    person.open(site.portal("Licenses"))
    assert "/Terms" in person.path
    person.tick("accept").click("Accept|Continue")
    assert person.path.endswith("/Licenses")
    db.session.commit()
    assert [row.url[-1] for row in db.session.scalars(select(TermsAcceptance).order_by(TermsAcceptance.id))] == [
        "1",
        "2",
    ]


def test_a_forgotten_password_is_replaced_by_mail(site: Site, vendor: Vendor, person: Person) -> None:
    user = factories.make_customer_user(vendor)
    db.session.commit()

    person.open(site.portal("SignIn")).click("Forgot", role="link").fill("E-mail", user.email).click("Mail|Send|Reset")
    person.open(site.last_mail(user.email).links[0]).fill("New password|Password", "an entirely new phrase").click(
        "password|Save|Set"
    )
    person.open(site.portal("SignIn")).fill("E-mail", user.email).fill("Password", "an entirely new phrase").click(
        "^Sign in$"
    )

    person.open(site.portal("Licenses")).sees("no licenses")
