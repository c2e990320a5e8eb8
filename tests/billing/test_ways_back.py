"""Ways out of a dead end: a form sent without a session, and addresses that only take forms."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.vendors.models import Vendor
from tests.factories import PASSWORD, make_customer_user
from tests.support.page import Page

BASE = "/Portal/@acme.example/"


def test_who_buys_without_a_session_signs_in_and_is_back_at_the_plans(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    left = {"Referer": f"http://localhost{BASE}Plans"}
    page.post(f"{BASE}Billing/Checkout", {"price": "price_1"}, status=401, headers=left)
    button = page.soup.select_one("main a.btn")
    assert button is not None
    assert button.get_text() == "Sign in"

    page.get(str(button["href"])).submit({"email": user.email, "password": PASSWORD})
    assert page.location == f"{BASE}Plans"


@pytest.mark.parametrize(
    "left",
    [
        "",
        "https://evil.example/Portal/@acme.example/Plans",
        "http://localhost//evil.example/",
        "http://localhost.evil.example/",
        "http://localhost/\\evil.example",
    ],
)
def test_the_way_to_sign_in_never_leads_to_another_site(page: Page, acme: Vendor, left: str) -> None:
    page.post(f"{BASE}Billing/Checkout", {}, status=401, headers={"Referer": left})
    assert page.soup.select_one("main a.btn")["href"] == f"{BASE}SignIn"  # type: ignore[index]


def test_staff_without_a_session_are_led_to_their_own_sign_in(app: Flask) -> None:
    page = Page(app)
    page.post("/User/Settings", {}, status=401, headers={"Referer": "http://localhost/User/Settings"})
    assert page.soup.select_one("main a.btn")["href"] == "/SignIn?next=%2FUser%2FSettings"  # type: ignore[index]


@pytest.mark.parametrize(("form", "page_of_it"), [("Billing/Checkout", "Plans"), ("Billing/Portal", "Billing")])
def test_reloading_a_failed_step_leads_to_the_page_it_was_asked_on(
    page: Page, acme: Vendor, form: str, page_of_it: str
) -> None:
    user = make_customer_user(acme)
    assert "SignIn" in page.get(f"{BASE}{form}", status=303).location
    page.sign_in(user).get(f"{BASE}{form}", status=303)
    assert page.location == f"{BASE}{page_of_it}"
