"""The Stripe doctor: what is wrong with the vendor's Stripe account, and one click to mend each."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, unit_of_work
from portal.billing import service as billing
from portal.errors import PortalError
from portal.licenses import service as licenses
from portal.stripe_doctor import address_repair, catalog_repair, endpoint_repair, portal_repair, remedies, report, words
from portal.stripe_doctor import service as doctor

bp = Blueprint("console_stripe_doctor", __name__)
LISTED = 20  # findings of one kind before "and so many more"


@bp.get("/StripeDoctor")
@access.staff("viewer")
def index() -> str:
    """What the last run found."""
    last = report.last_of(g.vendor.id)
    return render_template(
        "console/stripe_doctor/index.html",
        active="stripe_doctor",
        account=billing.account_of(g.vendor),
        report=last,
        groups=doctor.grouped(last, LISTED) if last else [],
        words=words.of,
        remedies=remedies.of,
        branding=remedies.dashboard("settings/branding", last),
        products=licenses.list_products(g.vendor),
    )


@bp.post("/StripeDoctor")
@access.staff("support")
def run() -> Response:
    """Ask Stripe now."""
    found = doctor.run(g.vendor.id)
    unit_of_work.commit()
    if found is not None and found.state == report.CHECKED:
        flash(_("Stripe was asked just now."))
    return _back()


@bp.post("/StripeDoctor/Endpoint")
@access.staff("admin")
def mend_endpoint() -> Response:
    """Make or mend the webhook endpoint; `what` is `anew` for a new one, `tidy` to delete duplicates."""
    what = request.form.get("what", "")
    if what == "tidy":
        return _mend(lambda: endpoint_repair.remove_duplicates(g.vendor.id))
    return _mend(lambda: endpoint_repair.mend(g.vendor.id, anew=what == "anew"))


@bp.post("/StripeDoctor/Bind")
@access.staff("admin")
def bind() -> Response:
    """Say which of our products a product at Stripe pays."""
    number = request.form.get("product_id", "")

    def mend() -> str:
        product_id = int(number) if number.isascii() and number.isdigit() and len(number) < 11 else 0
        catalog_repair.bind(g.vendor.id, request.form.get("product", ""), product_id)
        return _("The product now says which licenses it pays.")

    return _mend(mend)


@bp.post("/StripeDoctor/Feature")
@access.staff("admin")
def switch_on() -> Response:
    """Turn one feature of Stripe's portal on, save the suggested settings, or take over the login link: `name`."""
    name = request.form.get("name", "")

    def mend() -> str:
        if name == "login_link":
            portal_repair.share_login(g.vendor.id)
            return _("The login link is entered.")
        portal_repair.switch_on(g.vendor.id, name)
        return _("The portal settings at Stripe are saved.")

    return _mend(mend)


@bp.post("/StripeDoctor/Address")
@access.staff("admin")
def write_address() -> Response:
    """Write the address we have recorded of a customer to Stripe."""
    number = request.form.get("customer_id", "")

    def mend() -> str:
        customer_id = int(number) if number.isascii() and number.isdigit() and len(number) < 11 else 0
        address_repair.write(g.vendor.id, customer_id)
        return _("Stripe now has the same address.")

    return _mend(mend)


def _mend(mend: Callable[[], str]) -> Response:
    """Do it, and look again, so that the page shows what is true now."""
    try:
        said = mend()
    except PortalError as error:
        unit_of_work.rollback()
        if error.status == 404:
            raise
        flash(error.message, "error")
        return _back()
    unit_of_work.commit()
    doctor.run(g.vendor.id, quickly=True)
    unit_of_work.commit()
    flash(said)
    return _back()


def _back() -> Response:
    return redirect(url_for("console_stripe_doctor.index"), code=303)
