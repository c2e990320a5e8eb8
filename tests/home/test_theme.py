"""A vendor's portal wears the vendor's color, and browsers keep it until it changes."""

from __future__ import annotations

from portal.extensions import db
from portal.vendors.models import Vendor
from portal.vendors.theme import theme_css
from tests.support.page import Page


def test_the_style_sheet_holds_the_vendors_color(page: Page, acme: Vendor) -> None:
    acme.accent_color = "#0f766e"
    db.session.commit()

    page.get("/Portal/@acme.example/theme.css?v=0f766e")

    assert page.response.mimetype == "text/css"
    assert page.html == theme_css("#0f766e")
    assert page.response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_an_old_address_shows_the_new_color_and_is_not_kept(page: Page, acme: Vendor) -> None:
    acme.accent_color = "#0f766e"
    db.session.commit()

    page.get("/Portal/@acme.example/theme.css?v=2f5bd7")

    assert "--accent:#0f766e" in page.html
    assert page.response.headers["Cache-Control"] == "public, max-age=60"


def test_an_unknown_vendor_has_no_style_sheet(page: Page) -> None:
    page.get("/Portal/@nobody.example/theme.css", status=404)
