"""The sign-in page as everybody sees it first: all but its token is made once per language and vendor, then kept.

It is the page strangers and robots ask for most, and costs a third of a page made anew each time.
"""

from __future__ import annotations

from functools import lru_cache

from flask import render_template
from markupsafe import Markup

from portal import csrf, frame
from portal.frame import Frame
from portal.vendors.service import VendorProfile

PLACE = Markup("<!--token-->")


def show(vendor: VendorProfile) -> str:
    """The empty form with a token of this visitor."""
    before, after = _halves(frame.page_frame(), _Brand(vendor))
    return f"{before}{csrf.token_input()}{after}"


class _Brand:
    """A vendor by what the page shows of it, so that a change of any of it makes the page anew."""

    def __init__(self, vendor: VendorProfile) -> None:
        self.vendor = vendor
        self.shown = (
            vendor.domain,
            vendor.name,
            vendor.logo_url,
            vendor.website,
            vendor.accent_color,
            vendor.support_email,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Brand) and self.shown == other.shown

    def __hash__(self) -> int:
        return hash(self.shown)


@lru_cache(maxsize=1024)
def _halves(frame: Frame, brand: _Brand) -> tuple[str, str]:
    html = render_template("account/sign_in.html", form=None, next=None, token=PLACE, vendor=brand.vendor)
    before, _place, after = html.partition(PLACE)
    return before, after
