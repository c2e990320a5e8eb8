"""Staff at work: a customer, a link, a key."""

from __future__ import annotations

from portal.extensions import db
from portal.vendors.models import Vendor
from tests import factories
from tests.factories import PASSWORD
from tests.journeys.person import Person
from tests.journeys.site import Site


def _sign_in(person: Person, site: Site, vendor: Vendor) -> None:
    staff = factories.make_staff(vendor)
    db.session.commit()
    person.open(f"{site.url}/SignIn").fill("E-mail", staff.email).fill("Password", PASSWORD).click("^Sign in$")
    assert person.path == "/Customer"


def test_staff_create_a_customer_and_copy_the_link(site: Site, vendor: Vendor, person: Person) -> None:
    _sign_in(person, site, vendor)
    person.sees("no customers").open(f"{site.url}/Customer/Create")
    person.fill("Name", "Initech Ltd").fill("E-mail", "bill@initech.example").tick("association").click("Create")

    person.sees("Initech Ltd")
    link = person.page.locator('input[readonly][value*="/Associate?id="]').first.input_value()
    person.open(f"{site.url}/Customer?q=initech").sees("Initech Ltd")
    person.open(link).sees("Acme Instruments invites you")


def test_staff_make_a_key_and_give_it_to_a_customer(site: Site, vendor: Vendor, person: Person) -> None:
    customer = factories.make_customer(vendor, name="Initech Ltd")
    _sign_in(person, site, vendor)
    person.open(f"{site.url}/Product/Create").fill("Name", "Signal Lab").click("Create").sees("Signal Lab")
    person.page.locator("summary", has_text="Create license").click()
    person.fill("Period", "30").click("^Create license$").sees("30|license")
    person.open(f"{site.url}/License/1").fill("Customer", str(customer.id)).click("Save customer")
    person.sees("Initech Ltd")
    person.open(f"{site.url}/Product/Detail/1?q=Id%3D1").sees(r"\b1\b")


def test_every_staff_page_is_reachable_and_fits(site: Site, vendor: Vendor, person: Person) -> None:
    product = factories.make_product(vendor)
    customer = factories.make_customer(vendor, name="A very long company name that goes on " * 2)
    factories.make_license(vendor, product, customer)
    factories.set_terms(vendor)
    _sign_in(person, site, vendor)

    pages = ["/Customer", "/Customer/Create", "/Customer/Edit/1", "/Customer/SignUpLink", "/Product", "/Product/Create"]
    pages += [
        "/Product/Detail/1",
        "/License/1",
        "/Data?refType=0",
        "/User/Profile",
        "/User/Settings",
        "/Staff",
        "/Audit",
    ]
    for path in pages:
        person.open(site.url + path)
        assert person.path.split("?")[0] == path.split("?")[0], path


def test_sign_out_ends_the_session(site: Site, vendor: Vendor, person: Person) -> None:
    _sign_in(person, site, vendor)
    menu = person.page.locator("details.menu summary")
    if menu.is_visible():
        menu.click()
    person.page.locator('form[action="/SignOut"] button:visible').first.click()
    person.open(f"{site.url}/Customer")

    assert person.path.startswith("/SignIn")
