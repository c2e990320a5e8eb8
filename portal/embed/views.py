"""Pages made for frames in vendors' sites. They read and set no cookie (`cookies.is_framed`)."""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, render_template

from portal import PORTAL, access, addresses
from portal.associate import links

bp = Blueprint("embed", __name__)


@bp.get(f"{PORTAL}/Embed/Associate")
@access.public
def associate() -> Response:
    """The vendor's card: no personal data, and every action opens the portal in the whole window."""
    origins = g.vendor.switches.embed_origins
    g.frame_ancestors = origins
    is_open = g.vendor.switches.generic_sign_up
    page = render_template(
        "embed/associate.html",
        allowed=bool(origins),
        sign_in=addresses.portal_link(g.vendor, "SignIn"),
        sign_up=links.sign_up_link(g.vendor) if is_open else None,
        front=addresses.portal_link(g.vendor),
    )
    response = make_response(page)
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["Cache-Control"] = "no-store"
    return response
