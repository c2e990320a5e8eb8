"""One license on the desk: fields, customer, block, expiry, machines."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, unit_of_work
from portal.audit import service as audit
from portal.billing import service as billing
from portal.console import purchases_shown
from portal.console.forms import AssignForm, ExtendForm, LicenseEditForm
from portal.customers import service as customers
from portal.errors import Invalid
from portal.forms import PortalForm
from portal.fulfillment import mails
from portal.licenses import desk, service
from portal.licenses.models import License

bp = Blueprint("console_licenses", __name__)
Refused = tuple[str, int]


@bp.get("/License/<int:global_id>")
@access.staff("viewer")
def show(global_id: int) -> str:
    """Everything about one license."""
    return _page(service.get(g.vendor, global_id))


@bp.post("/License/<int:global_id>")
@access.staff("support")
@access.own_token
def save(global_id: int) -> Response | Refused:
    """Change notes, machines and features."""
    license = service.get(g.vendor, global_id)
    form = LicenseEditForm()
    if form.validate_on_submit():
        try:
            desk.edit(
                g.vendor,
                license,
                notes=form.notes.data or "",
                max_no_of_machines=form.max_no_of_machines.data or 0,
                features=form.features(),
            )
        except Invalid as error:
            form.refuse(error)
        else:
            return _done(license, _("The changes are saved."))
    return _page(license, form=form), form.status


@bp.post("/License/<int:global_id>/Customer")
@access.staff("support")
@access.own_token
def assign(global_id: int) -> Response | Refused:
    """Give the license to a customer, or to none."""
    license = service.get(g.vendor, global_id)
    form = AssignForm()
    if form.validate_on_submit():
        try:
            service.assign_customer(g.vendor, license, form.customer_id.data)
        except Invalid as error:
            form.refuse(error)
        else:
            gone = form.customer_id.data is None
            return _done(
                license, _("No customer has this license now.") if gone else _("The license has its customer.")
            )
    return _page(license, assign_form=form), form.status


@bp.post("/License/<int:global_id>/Mail")
@access.staff("support")
def mail(global_id: int) -> Response:
    """Mail the key to its customer once more."""
    license = service.get(g.vendor, global_id)
    address = mails.mail_key_again(g.vendor, license)
    return _done(license, _("The key is on its way to %(address)s.", address=address))


@bp.post("/License/<int:global_id>/Block")
@access.staff("support")
def block(global_id: int) -> Response:
    """Stop the license from working."""
    license = service.get(g.vendor, global_id)
    desk.set_block(g.vendor, license, True)
    return _done(license, _("The license is blocked."))


@bp.post("/License/<int:global_id>/Unblock")
@access.staff("support")
def unblock(global_id: int) -> Response:
    """Let the license work again."""
    license = service.get(g.vendor, global_id)
    desk.set_block(g.vendor, license, False)
    return _done(license, _("The license works again."))


@bp.post("/License/<int:global_id>/Extend")
@access.staff("support")
@access.own_token
def extend(global_id: int) -> Response | Refused:
    """Move the expiry later."""
    license = service.get(g.vendor, global_id)
    form = ExtendForm()
    if form.validate_on_submit():
        try:
            product = service.get_product(g.vendor, license.product_id)
            desk.extend(g.vendor, license, product, form.days.data or 0)
        except Invalid as error:
            form.refuse(error)
        else:
            return _done(license, _("The license is extended."))
    return _page(license, extend_form=form), form.status


def _done(license: License, said: str) -> Response:
    unit_of_work.commit()
    flash(said)
    return redirect(url_for(".show", global_id=license.global_id), code=303)


def _page(license: License, **forms: PortalForm) -> str:
    product = service.get_product(g.vendor, license.product_id)
    facts: dict[str, Any] = {
        "form": LicenseEditForm(formdata=None, obj=license),
        "assign_form": AssignForm(formdata=None, obj=license),
        "extend_form": ExtendForm(formdata=None),
        **forms,
    }
    paid = billing.with_subscription(g.vendor, [license.global_id])
    owner = customers.find(g.vendor, license.customer_id) if license.customer_id else None
    return render_template(
        "console/licenses/show.html",
        active="products",
        license=license,
        product=product,
        owner=owner,
        badges=desk.badges(license, product, subscription=bool(paid)),
        time_limited=desk.is_time_limited(license, product),
        purchases=purchases_shown.of_license(g.vendor, license.global_id),
        machines=desk.list_machines(g.vendor, license),
        history=audit.list_for(g.vendor, record=f"license:{license.global_id}", limit=20),
        **facts,
    )
