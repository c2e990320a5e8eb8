"""A vendor may choose any color; text on it and links stay readable in both themes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.assets import STATIC
from portal.vendors import theme
from portal.vendors.models import Vendor

pytestmark = pytest.mark.sqlite_only

any_color = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
TOKENS = (STATIC / "css" / "01-tokens.css").read_text("utf-8")
LIGHT, DARK = TOKENS.split("@media (prefers-color-scheme: dark)")
AT_LEAST_AA = 4.5


def tokens(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): ?(#[0-9a-f]{6})", css))


def test_contrast_is_what_wcag_says() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert theme.contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("surfaces", [theme.LIGHT_SURFACES, theme.DARK_SURFACES])
@given(color=any_color)
def test_any_color_keeps_text_links_and_edges_readable(surfaces: tuple[str, ...], color: str) -> None:
    made = theme.theme(color, surfaces)

    assert theme.contrast(made["accent-text"], made["accent"]) >= AT_LEAST_AA
    assert theme.contrast(made["accent-text"], made["accent-hover"]) >= AT_LEAST_AA
    assert min(theme.contrast(made["link"], surface) for surface in (*surfaces, made["soft"])) >= AT_LEAST_AA
    assert min(theme.contrast(made["accent-edge"], surface) for surface in surfaces) >= 3


@given(color=any_color)
def test_the_style_sheet_holds_both_themes_and_nothing_but_colors(color: str) -> None:
    light, dark = theme.theme_css(color).split("@media (prefers-color-scheme:dark)")

    names = ["accent", "accent-text", "accent-hover", "accent-edge", "link", "soft"]
    for part in (light, dark):
        assert re.findall(r"--([\w-]+):#[0-9a-f]{6}", part) == names
        assert re.fullmatch(r"[{]?:root\{[-\w:#;]+\}\}?\s*", part)


@pytest.mark.parametrize(
    "color", ["", "red", "#fff", "#12345", "#1234567", "#12345g", "#123456\n", "#123456;}", "#１２３４５６"]
)
def test_anything_but_a_color_is_refused(color: str) -> None:
    with pytest.raises(ValueError, match="six hexadecimal digits"):
        theme.theme_css(color)


def test_a_color_that_is_readable_stays_as_it_is() -> None:
    made = theme.theme("#1D4ED8", theme.LIGHT_SURFACES)

    assert (made["accent"], made["link"], made["accent-edge"]) == ("#1d4ed8",) * 3


@pytest.mark.parametrize(("part", "surfaces"), [(LIGHT, theme.LIGHT_SURFACES), (DARK, theme.DARK_SURFACES)])
def test_the_default_style_sheet_and_the_computed_one_agree(part: str, surfaces: tuple[str, ...]) -> None:
    written = tokens(part)

    assert (written["panel"], written["bg"], written["sunk"]) == surfaces
    for name, color in theme.theme(theme.DEFAULT_ACCENT, surfaces).items():
        assert {**tokens(LIGHT), **written}[name] == color, name


def test_a_new_vendor_starts_with_the_default_color() -> None:
    assert Vendor.accent_color.property.columns[0].default.arg == theme.DEFAULT_ACCENT


@pytest.mark.parametrize("part", [LIGHT, DARK])
def test_every_pair_of_colors_in_the_style_sheet_is_readable(part: str) -> None:
    colors = {**tokens(LIGHT), **tokens(part)}
    pairs = [(text, surface) for text in ("text", "muted", "d") for surface in ("bg", "panel", "sunk")]
    pairs += [(state, f"{state}-bg") for state in "wids"]
    for text, surface in pairs:
        assert theme.contrast(colors[text], colors[surface]) >= AT_LEAST_AA, (text, surface)
    for surface in ("bg", "panel", "sunk"):
        assert theme.contrast(colors["edge"], colors[surface]) >= 3, surface
    for button in ("danger", "danger-hover"):
        assert theme.contrast("#ffffff", colors[button]) >= AT_LEAST_AA
