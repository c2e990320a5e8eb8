"""Pages that show the design system in every state, each checked like any other page."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from portal import access, clock
from portal.dev import samples
from portal.vendors.theme import theme_css

bp = Blueprint("dev", __name__)

LAYOUTS = ("portal", "visitor", "console", "plain", "embed", "error")


@bp.get("/")
@access.public
def index() -> WerkzeugResponse:
    """The gallery is what one comes for."""
    return redirect(url_for(".gallery"), code=303)


@bp.get("/components")
@access.public
def gallery() -> str:
    """Every component in every state."""
    flash("Flash messages stand above the heading.")
    return render_template(
        "dev/gallery.html",
        vendor=samples.VENDOR,
        visitor=samples.VISITOR,
        active="licenses",
        terms_url="https://demo.example/terms",
        fresh=samples.fresh_form(),
        wrong=samples.wrong_form(),
        now=clock.now(),
        accents=samples.ACCENTS,
        layouts=LAYOUTS,
    )


@bp.get("/layouts/<name>")
@access.public
def layout(name: str) -> str:
    """A page in one of the layouts."""
    if name not in LAYOUTS:
        abort(404)
    return render_template(
        f"dev/layout_{name}.html",
        vendor=samples.VENDOR,
        visitor=None if name == "visitor" else samples.VISITOR,
        active={"console": "customers", "visitor": "sign_in"}.get(name, "licenses"),
        form=samples.fresh_form(),
        terms_url=None,
        status=404,
        title="There is no such page",
        message="Check the address, or go back to where you came from.",
        request_id="0f3c9a2b",
    )


@bp.get("/accent/<color>")
@access.public
def accent(color: str) -> str:
    """The license card in another vendor's color."""
    if f"#{color}" not in samples.ACCENTS:
        abort(404)
    return render_template("dev/accent.html", vendor=samples.VENDOR, visitor=samples.VISITOR, color=color)


@bp.get("/accent/<color>.css")
@access.public
def accent_css(color: str) -> Response:
    """The style sheet a vendor with this color would have."""
    if f"#{color}" not in samples.ACCENTS:
        abort(404)
    return Response(theme_css(f"#{color}"), mimetype="text/css")


@bp.get("/mail-frame")
@access.public
def mail() -> str:
    """The frame of every mail."""
    return render_template("dev/mail.html", vendor=samples.VENDOR)
