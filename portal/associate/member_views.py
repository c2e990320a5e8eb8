"""Asking the vendor, taking offered records, and leaving a customer."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, cookies, throttle, unit_of_work
from portal.associate import binding, invitations, links
from portal.associate import service as associate
from portal.associate.blueprint import bp
from portal.associate.forms import LeaveForm, OfferForm
from portal.errors import NotFound
from portal.terms import joining
from portal.terms import service as terms


@bp.post(f"{PORTAL}/Associate/Ask")
@access.signed_in
def ask() -> Response:
    """Leave a note for the vendor's staff about a link that does not open for this user."""
    throttle.hit("ask_vendor", g.visitor.id)
    claim = links.read_claim(request.form.get("claim") or cookies.read(cookies.CLAIM), g.vendor)
    found = invitations.look_again(g.vendor, claim, g.visitor.id) if claim else None
    if found is None or found.customer_id is None:
        raise NotFound(_("There is nothing to ask about. Open the link from the mail again."))
    if found.state in (invitations.OPEN, invitations.YOURS):
        return redirect(addresses.portal_path(g.vendor, "Associate"), code=303)
    associate.ask_vendor(g.vendor, g.visitor, found.customer_id)
    unit_of_work.commit()
    flash(_("%(vendor)s was told and will get in touch with you.", vendor=g.vendor.name))
    return redirect(addresses.portal_path(g.vendor), code=303)


@bp.route(f"{PORTAL}/Associate/Offers", methods=["GET", "POST"])
@access.signed_in
@access.own_token
def offers() -> Response | tuple[str, int]:
    """Records that carry the user's confirmed address: bound by a click, never by themselves."""
    form = OfferForm()
    with_terms = terms.find_unaccepted(g.vendor, g.visitor.id)
    if request.method == "GET":
        return _show_offers(form, with_terms, 200)
    answered = form.validate_on_submit() & form.consents(with_terms)
    if not answered:
        return _show_offers(form, with_terms, form.status)
    bound = binding.bind_offer(g.vendor, g.visitor, customer_number(form.customer.data))
    if with_terms:
        terms.accept(g.vendor, g.visitor.id, g.visitor.email, bound.customer_id, with_terms.url, with_terms.version)
    path = joining.next_page(g.vendor, g.visitor)
    unit_of_work.commit()
    flash(_("The record is linked to your account now."))
    return redirect(path, code=303)


@bp.route(f"{PORTAL}/Account/Leave", methods=["GET", "POST"])
@access.customer
@access.own_token
def leave() -> Response | tuple[str, int]:
    """Leave a customer: asks once, says what happens."""
    form = LeaveForm()
    if request.method == "GET" or not form.validate_on_submit():
        status = 200 if request.method == "GET" else form.status
        return render_template("associate/leave.html", form=form, customers=g.customers, active="account"), status
    associate.leave(g.vendor, g.visitor, customer_number(form.customer.data))
    unit_of_work.commit()
    flash(_("You left the customer. Your account stays."))
    left = [customer for customer in g.customers if str(customer.id) != form.customer.data]
    return redirect(addresses.portal_path(g.vendor, "Licenses" if left else ""), code=303)


def customer_number(text: str | None) -> int:
    """The number of a customer in a form. Raises NotFound for anything else."""
    if not text or not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise NotFound(_("There is no such customer."))
    return int(text)


def _show_offers(form: OfferForm, asked: terms.Terms | None, status: int) -> tuple[str, int]:
    found = binding.list_offers(g.vendor, g.visitor)
    return render_template("associate/offers.html", form=form, offers=found, asked=asked), status
