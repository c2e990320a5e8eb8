"""The parts of a page that are the same on many pages: made once per language and vendor, then kept.

The frame would otherwise be half the cost of a page: a dozen translations and addresses each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from flask import Flask, current_app, render_template
from markupsafe import Markup

from portal import i18n


class Brand(Protocol):
    """What the frame shows of a vendor."""

    domain: str
    name: str
    logo_url: str
    website: str
    support_email: str


@dataclass(frozen=True)
class Frame:
    """What stands in front of and behind every page's own content.

    language, direction: of the html element. head: icon, style sheet, script. words: what scripts say, as attributes of
    the body. skip: the link over the navigation.
    """

    language: str
    direction: str
    head: Markup
    words: Markup
    skip: Markup


def init_app(app: Flask) -> None:
    """Give layouts `page_frame()`, `portal_top(…)` and `portal_foot(…)`."""
    app.jinja_env.globals.update(page_frame=page_frame, portal_top=portal_top, portal_foot=portal_foot)


def page_frame(language: str = "") -> Frame:
    """The frame in the language of this request, which templates know already and hand in."""
    return _frame(language or i18n.page_language(), current_app.extensions["assets"]["css"].url)


def portal_top(
    vendor: Brand, active: str | None, is_signed_in: bool, language: str = "", sells_plans: bool = False
) -> Markup:
    """Brand and navigation of a customer page. Its sign-out button belongs to the form `out`, which carries the token.

    active: the key of the current page in the navigation, or None. sells_plans: whether there is something to buy.
    """
    language = language or i18n.page_language()
    return _top(language, vendor.domain, vendor.name, vendor.logo_url, active or "", is_signed_in, bool(sells_plans))


def portal_foot(vendor: Brand, terms_url: str | None, language: str = "") -> Markup:
    """Who stands behind a customer page, and how to reach them."""
    return _foot(language or i18n.page_language(), vendor.name, vendor.website, vendor.support_email, terms_url or "")


@lru_cache(maxsize=64)
def _frame(language: str, style_sheet: str) -> Frame:
    part = {
        name: Markup(render_template(f"layouts/_{name}.html").strip())  # noqa: S704 - a template's own output
        for name in ("head", "words", "skip")
    }
    return Frame(language, i18n.page_direction(), part["head"], part["words"], part["skip"])


@lru_cache(maxsize=1024)
def _top(
    language: str, domain: str, name: str, logo_url: str, active: str, is_signed_in: bool, sells_plans: bool
) -> Markup:
    html = render_template(
        "layouts/_top.html",
        domain=domain,
        name=name,
        logo_url=logo_url,
        active=active,
        is_signed_in=is_signed_in,
        sells_plans=sells_plans,
    )
    return Markup(html)  # noqa: S704 - a template's own output


@lru_cache(maxsize=1024)
def _foot(language: str, name: str, website: str, support_email: str, terms_url: str) -> Markup:
    html = render_template(
        "layouts/_foot.html", name=name, website=website, support_email=support_email, terms_url=terms_url
    )
    return Markup(html)  # noqa: S704 - a template's own output
