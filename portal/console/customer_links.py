"""The two kinds of links: the vendor's generic one, and a customer's personal one."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, unit_of_work
from portal.associate import links
from portal.associate import service as associate
from portal.audit import service as audit
from portal.customers import service as customers
from portal.embed import service as embed
from portal.vendors import service as vendors

bp = Blueprint("console_customer_links", __name__)


@bp.get("/Customer/SignUpLink")
@access.staff("support")
def sign_up_link() -> str:
    """The generic link with QR code and iframe snippet."""
    link = links.sign_up_link(g.vendor)
    return render_template(
        "console/customer_links/sign_up_link.html",
        active="customers",
        link=link,
        qr=links.qr_svg(link),
        snippet=embed.snippet(g.vendor),
        is_open=g.vendor.switches.generic_sign_up,
        origins=g.vendor.switches.embed_origins,
    )


@bp.post("/Customer/SignUpLink/Rotate")
@access.staff("support")
def rotate_sign_up() -> Response:
    """Replace the generic link."""
    links.rotate_sign_up(vendors.get(g.vendor.id))
    unit_of_work.commit()
    flash(_("This is the new link. The old one no longer works."))
    return redirect(url_for(".sign_up_link"), code=303)


@bp.post("/Customer/SignUpLink/Switch")
@access.staff("support")
def switch_sign_up() -> Response:
    """Switch generic sign-up off or on: as `state` says, else the other way."""
    vendor = vendors.get(g.vendor.id)
    wanted = request.form.get("state", "off" if vendors.switches_of(vendor).generic_sign_up else "on") == "on"
    before, after = vendors.set_switch(vendor, "generic_sign_up", "on" if wanted else "off")
    record = f"vendor:{vendor.id}"
    audit.record(vendor.id, "vendor.set", record, before={"generic_sign_up": before}, after={"generic_sign_up": after})
    unit_of_work.commit()
    flash(_("The sign-up link works.") if wanted else _("The sign-up link is switched off."))
    return redirect(url_for(".sign_up_link"), code=303)


@bp.post("/Customer/Edit/<int:customer_id>/Link/Rotate")
@access.staff("support")
def rotate(customer_id: int) -> Response:
    """Replace the personal link."""
    links.rotate_personal(g.vendor, customers.get(g.vendor, customer_id))
    unit_of_work.commit()
    flash(_("There is a new personal link. The old one no longer works."))
    return _back(customer_id)


@bp.post("/Customer/Edit/<int:customer_id>/Link/Revoke")
@access.staff("support")
def revoke(customer_id: int) -> Response:
    """Stop the personal link."""
    links.revoke_personal(g.vendor, customers.get(g.vendor, customer_id))
    unit_of_work.commit()
    flash(_("The personal link no longer works. Accounts that used it keep their access."))
    return _back(customer_id)


@bp.post("/Customer/Edit/<int:customer_id>/Link/Mail")
@access.staff("support")
def mail(customer_id: int) -> Response:
    """Mail the personal link to the recorded address."""
    customer = customers.get(g.vendor, customer_id)
    associate.mail_personal_link(g.vendor, customer)
    unit_of_work.commit()
    flash(_("The link is on its way to %(email)s.", email=customer.email))
    return _back(customer_id)


def _back(customer_id: int) -> Response:
    return redirect(f"{url_for('console_customers.edit', customer_id=customer_id)}#link", code=303)
