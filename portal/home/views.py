"""A vendor's profile page, and the way to one's own portal."""

from __future__ import annotations

from flask import Blueprint, Response, g, render_template, request

from portal import PORTAL, access
from portal.vendors.theme import DEFAULT_ACCENT, theme_css

bp = Blueprint("home", __name__)


@bp.get(f"{PORTAL}/")
@access.public
def profile() -> str:
    """The vendor's front page."""
    return render_template("home/profile.html")


@bp.get(f"{PORTAL}/theme.css")
@access.public
def theme() -> Response:
    """The vendor's colors. Pages ask with the color in the query, so that browsers may keep the answer."""
    color = g.vendor.accent_color or DEFAULT_ACCENT
    response = Response(theme_css(color), mimetype="text/css")
    kept = request.args.get("v") == color.removeprefix("#")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "public, max-age=60"
    return response
