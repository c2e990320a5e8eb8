"""The house stands."""

from portal.vendors.models import Vendor
from tests.factories import make_customer_user, make_staff
from tests.support.page import Page


def test_an_unknown_domain_is_a_plain_404_page(page: Page) -> None:
    page.get("/Portal/@nobody.example/", status=404)


def test_a_get_in_the_wrong_case_is_sent_to_the_right_page(page: Page, acme: object) -> None:
    page.get("/portal/@ACME.example/", status=308)
    assert page.location == "/Portal/@acme.example/"


def test_a_refusal_offers_a_way_on_to_everybody(page: Page, acme: Vendor) -> None:
    """To the start page, the vendor's portal, or the console."""

    def way(path: str) -> str:
        return str(page.get(path, status=404).soup.select_one("main a.btn")["href"])

    assert way("/nowhere") == "/"
    page.sign_in(make_customer_user(acme))
    assert way("/Portal/@acme.example/Licenses/999") == "/Portal/@acme.example/"
    page.sign_in(make_staff(acme), vendor=acme)
    assert way("/Customer/Edit/999") == "/Customer"
