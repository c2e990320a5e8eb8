"""The gallery shows what there is, is checked like any page, and stays out of production."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from portal.assets import STATIC
from portal.dev import samples, views
from tests.support.page import Page

pytestmark = pytest.mark.sqlite_only

LAYOUTS = STATIC.parent / "templates" / "layouts"
COMPONENTS = STATIC.parent / "templates" / "components"


@pytest.fixture(autouse=True)
def _registered(app: Flask) -> None:
    if "dev" not in app.blueprints:
        pytest.fail("the gallery is not registered outside production")


def test_the_gallery_shows_every_macro(page: Page) -> None:
    page.get("/dev/components")
    shown = "".join(path.read_text("utf-8") for path in sorted((LAYOUTS.parent / "dev").glob("*.html")))
    public = re.findall(r"{#-? (\w+)\(", "".join(path.read_text("utf-8") for path in COMPONENTS.glob("*.html")))

    assert len(public) >= 25
    assert not [name for name in public if not re.search(rf"\b{name}\(", shown)]


@pytest.mark.parametrize("name", views.LAYOUTS)
def test_every_layout_makes_a_sound_page(page: Page, name: str) -> None:
    page.get(f"/dev/layouts/{name}")


@pytest.mark.parametrize("color", samples.ACCENTS)
def test_the_card_in_another_color_brings_its_style_sheet(page: Page, color: str) -> None:
    page.get(f"/dev/accent/{color[1:]}")
    assert page.soup.select_one(f'link[href="/dev/accent/{color[1:]}.css"]')
    page.get(f"/dev/accent/{color[1:]}.css")
    assert f"--accent:{color}" in page.html


@pytest.mark.parametrize("path", ["/dev/layouts/base", "/dev/accent/123456", "/dev/accent/123456.css", "/dev/nothing"])
def test_unknown_samples_are_not_found(page: Page, path: str) -> None:
    page.get(path, status=404)


def test_mistakes_stand_next_to_their_fields_and_on_top(page: Page) -> None:
    page.get("/dev/components")
    field = page.soup.select_one("#wrong-email")

    assert field is not None
    assert field["value"] == "maria@"
    assert field["aria-invalid"] == "true"
    assert str(field["aria-describedby"]).split() == ["wrong-email-h", "wrong-email-e"]
    assert page.soup.select_one("#wrong-email-e").get_text() == "Please type an address like name@example.com."
    assert page.soup.select_one('.errors a[href="#wrong-email"]')


def test_a_password_is_never_shown_again(page: Page) -> None:
    page.get("/dev/components")
    assert not page.soup.select_one("#wrong-password").has_attr("value")
    assert "short" not in [tag.get("value") for tag in page.soup.select("input")]


def test_a_page_asks_for_one_style_sheet_and_one_script(page: Page) -> None:
    page.get("/dev/layouts/plain")

    assert len(page.soup.select("link[rel=stylesheet]")) == 1
    assert len(page.soup.select("script")) == 1
    assert page.soup.select_one("script")["type"] == "module"
    assert page.soup.select_one('link[rel=icon][type="image/svg+xml"]')
    assert page.soup.select_one("meta[name=description]")["content"]
