"""The frame of customer pages is made once per vendor and language, and never shows another vendor's."""

from __future__ import annotations

from portal.extensions import db
from portal.vendors.models import Vendor
from tests import factories
from tests.support.page import Page


def test_each_vendor_has_its_own_name_color_and_contact(page: Page, acme: Vendor, globex: Vendor) -> None:
    acme.switches = {**acme.switches, "support_email": "help@acme.example"}
    acme.website = "https://acme.example"
    globex.accent_color = "#0f766e"
    db.session.commit()

    for _ in range(2):
        page.get("/Portal/@acme.example/")
        assert page.soup.select_one("header .brand").get_text() == "AAcme"
        assert [link["href"] for link in page.soup.select("footer a")] == [
            "https://acme.example",
            "mailto:help@acme.example",
        ]
        page.get("/Portal/@globex.example/")
        assert page.soup.select_one("header .brand").get_text() == "GGlobex"
        assert page.soup.select("footer a") == []
        assert page.soup.select_one('link[href="/Portal/@globex.example/theme.css?v=0f766e"]')


def test_a_changed_name_shows_at_once(page: Page, acme: Vendor) -> None:
    page.get("/Portal/@acme.example/")
    acme.name = "Acme & <Sons>"
    db.session.commit()

    page.get("/Portal/@acme.example/")

    assert page.soup.select_one("header .brand span").get_text() == "Acme & <Sons>"


def test_a_visitor_signs_in_and_a_user_signs_out(page: Page, acme: Vendor) -> None:
    page.get("/Portal/@acme.example/")
    assert page.soup.select_one('nav a[href="/Portal/@acme.example/SignIn"]')
    assert not page.soup.select_one('form[action$="/SignOut"]')

    page.sign_in(factories.make_user()).get("/Portal/@acme.example/")

    assert not page.soup.select_one('nav a[href$="/SignIn"]')
    form = page.soup.select_one('form[action="/Portal/@acme.example/SignOut"]')
    assert page.soup.select_one(f"button[form={form['id']}]").get_text() == "Sign out"
    assert form.select_one("input[name=csrf_token]")["value"]
