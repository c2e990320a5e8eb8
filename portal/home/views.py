"""A vendor's profile page, its colors, and the way to one's own portal."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, g, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from portal import PORTAL, access, addresses
from portal.account import sessions
from portal.associate import binding, links
from portal.associate import service as associate
from portal.billing import checkout, offers
from portal.i18n import page_language
from portal.staff import service as staff
from portal.terms import service as terms
from portal.vendors.theme import DEFAULT_ACCENT, theme_css

bp = Blueprint("home", __name__)


@bp.get(f"{PORTAL}/")
@access.public
def profile() -> str:
    """The vendor's front page; it also explains what to do to somebody who is signed in but not a customer yet."""
    is_open = g.vendor.switches.generic_sign_up
    visitor = sessions.admitted(g.visitor, g.vendor)
    customers = terms.standing(g.vendor, visitor.id).customers if visitor is not None else ()
    return render_template(
        "home/profile.html",
        visitor=visitor,
        is_customer=bool(customers),
        waiting=len(binding.list_offers(g.vendor, visitor)) if visitor is not None else 0,
        sign_up=links.path_of_sign_up(g.vendor) if is_open else None,
        offers=_offers([customer.id for customer in customers]) if g.vendor.sells_plans else [],
        to_buy=addresses.portal_path(g.vendor, "SignIn", next=addresses.portal_path(g.vendor, "Plans")),
    )


def _offers(customer_ids: list[int]) -> list[offers.Offer]:
    """What the vendor sells, without the free trials that these customers have had."""
    without_trial = checkout.products_without_trial(g.vendor.id, customer_ids) if customer_ids else ()
    return offers.list_offers(g.vendor.id, page_language(), without_trial=without_trial)


@bp.get("/Portal/Admin")
@access.signed_in
def admin() -> str | WerkzeugResponse:
    """One's own portal; a choice where several vendors know this user, and an explanation where none does."""
    vendors = associate.list_vendors(g.visitor.id)
    if len(vendors) == 1:
        return redirect(addresses.portal_path(vendors[0], "Licenses"), code=303)
    works_for = staff.list_desks(g.visitor.id)
    return render_template("home/admin.html", vendors=vendors, works_for=works_for)


@bp.get(f"{PORTAL}/theme.css")
@access.public
def theme() -> WerkzeugResponse:
    """The vendor's colors. Pages ask with the color in the query, so that browsers may keep the answer."""
    color = g.vendor.accent_color or DEFAULT_ACCENT
    sheet = theme_css(color)
    response = Response(sheet, mimetype="text/css")
    kept = request.args.get("v") == color.removeprefix("#")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if kept else "public, max-age=60"
    response.set_etag(hashlib.sha256(sheet.encode()).hexdigest()[:16])
    return response.make_conditional(request)
