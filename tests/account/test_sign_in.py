"""Signing in at a vendor's portal."""

from __future__ import annotations

from portal.vendors.models import Vendor
from tests.factories import PASSWORD, make_customer_user
from tests.support.page import Page

SIGN_IN = "/Portal/@acme.example/SignIn"


def test_a_customer_signs_in_with_address_and_password(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)

    page.get(SIGN_IN)
    page.submit({"email": user.email, "password": PASSWORD})

    assert page.location == "/Portal/@acme.example/Licenses"
    page.get("/Portal/@acme.example/Account")
    assert user.email in page.text
