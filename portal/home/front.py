"""The address without a path."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template
from werkzeug.wrappers import Response as WerkzeugResponse

from portal import access, crypto
from portal.dev import demo_facts

bp = Blueprint("front", __name__)


@bp.get("/")
@access.public
def front() -> str | WerkzeugResponse:
    """Signing in; in the demo, where to click in both roles."""
    if crypto.settings().env == "demo":
        return render_template("dev/demo/start.html", facts=demo_facts.where_to_click())
    return redirect("/SignIn", code=303)
