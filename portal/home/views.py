"""A vendor's profile page, and the way to one's own portal."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal import PORTAL, access

bp = Blueprint("home", __name__)


@bp.get(f"{PORTAL}/")
@access.public
def profile() -> str:
    """The vendor's front page."""
    return render_template("home/profile.html")
