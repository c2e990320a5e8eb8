"""/StripeDoctor: what is shown in each state, and one click for each fix."""

from __future__ import annotations

from typing import Any

from portal.vendors.models import Vendor
from tests.factories import make_staff
from tests.stripe_doctor.conftest import Clinic
from tests.support.page import Page

RUN = 'form[action="/StripeDoctor"]'


def send(page: Page, action: str, status: int = 303, **fields: str) -> Page:
    """A post that no button of the page sends, with its token."""
    token = {one["name"]: one["value"] for one in page.soup.select("form[action='/SignOut'] input")}
    return page.post(f"/StripeDoctor{action}", token | fields, status=status)


def press(desk: Page, action: str, **fields: Any) -> Page:
    """The button that posts there with these fields."""
    for form in desk.soup.select(f'form[action="/StripeDoctor/{action}"]'):
        given = {one.get("name"): one.get("value") for one in form.select("input")}
        if all(given.get(name) == value for name, value in fields.items()):
            sent = given | {"product_id": "1"} if action == "Bind" else given
            return desk.post(f"/StripeDoctor/{action}", sent).follow()
    raise AssertionError(f"no button for {action} {fields}: {desk.text}")


def test_without_a_key_the_page_says_what_to_do(page: Page, acme: Vendor) -> None:
    page.sign_in(make_staff(acme, "owner"), vendor=acme)
    assert "No API key yet" in page.get("/StripeDoctor").text
    send(page, "").follow()
    assert "No API key yet" in page.text


def test_the_page_asks_stripe_when_told_to_and_every_fix_is_one_click(clinic: Clinic, desk: Page) -> None:
    assert "Not checked yet" in desk.get("/StripeDoctor").text
    desk.submit(form=RUN).follow()
    assert "One thing is broken" in desk.text
    assert "Stripe has no webhook endpoint with your address" in desk.text
    press(desk, "Endpoint")
    assert "One thing is broken" not in desk.text
    assert "The webhook endpoint is made" in desk.text
    print(desk.text)
