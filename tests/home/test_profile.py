"""A vendor's front page, the way to one's own portal, and the style sheet of colors."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.associate import links
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.support.page import Page
from tests.support.tables import contents

HOME = "/Portal/@acme.example/"


def hrefs(page: Page) -> list[str]:
    return [str(link["href"]) for link in page.soup.select("main a[href]")]


def test_anyone_sees_who_the_vendor_is_and_where_to_sign_in(page: Page, acme: Vendor) -> None:
    acme.description, acme.website = "Tools for makers.\nSince 1999.", "https://acme.example"
    acme.logo_url = "https://acme.example/logo.svg"
    db.session.commit()
    page.get(HOME)

    assert "Tools for makers." in page.text
    assert "https://acme.example" in hrefs(page) and "/Portal/@acme.example/SignIn" in hrefs(page)
    assert page.soup.select_one("img[src='https://acme.example/logo.svg']")


def test_sign_up_is_offered_only_while_it_is_open(page: Page, acme: Vendor) -> None:
    link = links.path_of_sign_up(acme)
    page.get(HOME)
    assert link in hrefs(page)
    vendors.set_switch(acme, "generic_sign_up", "off")
    db.session.commit()
    page.get(HOME)
    assert "auth=" not in page.html


def test_a_signed_in_customer_is_led_to_the_licenses(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_customer_user(acme)).get(HOME)
    assert "/Portal/@acme.example/Licenses" in hrefs(page)
    assert "not linked yet" not in page.text


def test_who_is_no_customer_yet_is_told_what_to_do(page: Page, acme: Vendor) -> None:
    vendors.set_switch(acme, "support_email", "help@acme.com")
    db.session.commit()
    user = factories.make_user()
    page.sign_in(user).get("/Portal/@acme.example/Licenses", status=303).follow()
    assert "Your account is not linked yet" in page.text and user.email in page.text
    assert "mailto:help@acme.com" in hrefs(page) and links.path_of_sign_up(acme) in hrefs(page)


def test_the_front_page_writes_nothing(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_customer_user(acme))
    before = contents()
    for path in (HOME, "/Portal/Admin", f"{HOME}theme.css"):
        page.client.get(path)
        page.client.head(path)
    assert contents() == before


def test_one_vendor_means_its_portal_at_once(page: Page, acme: Vendor, globex: Vendor) -> None:
    page.sign_in(factories.make_customer_user(globex)).get("/Portal/Admin", status=303)
    assert page.location == "/Portal/@globex.example/Licenses"


def test_several_vendors_mean_a_choice(page: Page, acme: Vendor, globex: Vendor) -> None:
    user = factories.make_customer_user(globex)
    factories.make_association(user, factories.make_customer(acme))
    page.sign_in(user).get("/Portal/Admin")
    assert hrefs(page) == ["/Portal/@acme.example/Licenses", "/Portal/@globex.example/Licenses"]


def test_no_vendor_means_an_explanation(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_user()).get("/Portal/Admin")
    assert "No licenses are linked yet" in page.text


def test_staff_find_the_way_to_their_console(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_staff(acme), vendor=acme).get("/Portal/Admin")
    assert "/Customer" in hrefs(page)


def test_without_a_session_the_portal_asks_to_sign_in(page: Page, acme: Vendor) -> None:
    page.get("/Portal/Admin", status=303)
    assert page.location == "/SignIn?next=%2FPortal%2FAdmin"


def test_the_colors_are_a_style_sheet_that_browsers_may_keep(page: Page, acme: Vendor) -> None:
    acme.accent_color = "#aa2200"
    db.session.commit()
    page.get(f"{HOME}theme.css?v=aa2200")
    assert page.response.mimetype == "text/css"
    assert "#aa2200" in page.html
    assert page.response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in page.response.headers
    etag = page.response.headers["ETag"]

    page.get(f"{HOME}theme.css", headers={"If-None-Match": etag}, status=304)
    page.get(f"{HOME}theme.css")
    assert page.response.headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("path", ["", "theme.css", "Associate", "Terms", "Embed/Associate"])
def test_an_unknown_vendor_has_no_pages(app: Flask, page: Page, path: str) -> None:
    page.get(f"/Portal/@nobody.example/{path}", status=404)
