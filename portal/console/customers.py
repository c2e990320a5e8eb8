"""Customers: list, search, create, edit, their accounts, and who accepted which terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, unit_of_work
from portal.associate import service as associate
from portal.console import customer_page, paging, payments_shown
from portal.console.forms import CustomerForm
from portal.customers import search, service
from portal.customers.models import Customer
from portal.errors import Invalid, NotFound
from portal.reconciliation import ledger
from portal.reconciliation.models import Finding
from portal.terms import service as terms

bp = Blueprint("console_customers", __name__)
Refused = tuple[str, int]


@bp.get("/Customer")
@access.staff("viewer")
def index() -> str:
    """The vendor's customers, newest first, or those that match `q`."""
    typed = request.args.get("q", "").strip()
    found = search.search(g.vendor, typed, before=paging.key("before"), after=paging.key("after"), limit=paging.LIMIT)
    rows = found.rows
    return render_template(
        "console/customers/index.html",
        active="customers",
        rows=rows,
        typed=typed,
        requests=[] if typed else associate.list_requests(g.vendor),
        newer=paging.address(q=typed, after=rows[0].id) if found.newer and rows else None,
        older=paging.address(q=typed, before=rows[-1].id) if found.older and rows else None,
    )


@bp.get("/Customer/Create")
@access.staff("support")
def create() -> str:
    """A form for a new customer; `finding` names one of the desk whose payer it is."""
    finding = _finding(request.args)
    payment = payments_shown.find(g.vendor, finding) if finding else None
    payer = {"name": payment.name[:100], "email": payment.email} if payment else {}
    return _create_page(CustomerForm(formdata=None, **payer))


@bp.post("/Customer/Create")
@access.staff("support")
@access.own_token
def add() -> Response | str | Refused:
    """Make a customer; the secret is shown on the page this answers with, and never again."""
    form, finding = CustomerForm(), _finding(request.form)
    if not form.validate_on_submit():
        return _create_page(form), form.status
    try:
        customer, secret = service.create(g.vendor, **_fields(form))
    except Invalid as error:
        form.refuse(error)
        return _create_page(form), form.status
    unit_of_work.commit()
    flash(_("%(name)s is created.", name=service.label(customer)))
    customer_page.keep_secret(customer, secret)
    if finding:
        here = url_for("console_reconciliation.show", finding_id=finding.id, q=customer.id)
        return redirect(f"{here}#repair", code=303)
    return redirect(url_for(".edit", customer_id=customer.id), code=303)


@bp.get("/Customer/Edit/<int:customer_id>")
@access.staff("viewer")
def edit(customer_id: int) -> str:
    """Everything about one customer."""
    customer = service.get(g.vendor, customer_id)
    return _edit_page(customer, CustomerForm(formdata=None, obj=customer))


@bp.post("/Customer/Edit/<int:customer_id>")
@access.staff("support")
@access.own_token
def save(customer_id: int) -> Response | str | Refused:
    """Change a customer's fields."""
    customer = service.get(g.vendor, customer_id)
    form = CustomerForm()
    if not form.validate_on_submit():
        return _edit_page(customer, form), form.status
    try:
        changed = service.edit(g.vendor, customer, **_fields(form))
    except Invalid as error:
        form.refuse(error)
        return _edit_page(customer, form), form.status
    unit_of_work.commit()
    flash(_("The changes are saved.") if changed else _("Nothing was different, so nothing was changed."))
    return _back(customer_id)


@bp.post("/Customer/Edit/<int:customer_id>/Secret")
@access.staff("admin")
def new_secret(customer_id: int) -> Response:
    """Replace the customer secret and show the new one once."""
    customer = service.get(g.vendor, customer_id)
    secret = service.new_secret(g.vendor, customer)
    unit_of_work.commit()
    customer_page.keep_secret(customer, secret)
    flash(_("There is a new customer secret. The old one no longer works."))
    return _back(customer_id)


@bp.post("/Customer/Edit/<int:customer_id>/Detach/<int:user_id>")
@access.staff("support")
def detach(customer_id: int, user_id: int) -> Response:
    """Part an account from the customer."""
    associate.detach(g.vendor, service.get(g.vendor, customer_id), user_id)
    unit_of_work.commit()
    flash(_("The account no longer sees this customer. Rotate the personal link if copies of it are about."))
    return _back(customer_id)


@bp.post("/Customer/Edit/<int:customer_id>/Settle/<int:request_id>")
@access.staff("support")
def settle(customer_id: int, request_id: int) -> Response:
    """Mark a request for access as dealt with."""
    service.get(g.vendor, customer_id)
    if not any(note.id == request_id and note.customer_id == customer_id for note in associate.list_requests(g.vendor)):
        raise NotFound(_("There is no such open request."))
    associate.settle_request(g.vendor, request_id)
    unit_of_work.commit()
    flash(_("The request is settled."))
    return _back(customer_id)


@bp.get("/Customer/Terms")
@access.staff("viewer")
def accepted_terms() -> str:
    """Who is on which version of the terms, newest first."""
    found = terms.list_for(g.vendor, before_id=paging.key("before"), limit=paging.LIMIT + 1)
    rows = found[: paging.LIMIT]
    return render_template(
        "console/customers/accepted_terms.html",
        active="customers",
        current=terms.current(g.vendor),
        rows=rows,
        first=paging.address() if "before" in request.args else None,
        older=paging.address(before=rows[-1].id) if len(found) > paging.LIMIT else None,
    )


def _fields(form: CustomerForm) -> dict[str, Any]:
    texts = {name: form[name].data or "" for name in service.LIMITS}
    return texts | {name: bool(form[name].data) for name in service.FLAGS}


def _finding(given: Mapping[str, str]) -> Finding | None:
    """The finding that asks for a customer, to go back to it. Raises NotFound for one that is not there."""
    text = given.get("finding", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return ledger.get(g.vendor, number) if text else None


def _create_page(form: CustomerForm) -> str:
    finding = request.values.get("finding", "")
    return render_template("console/customers/create.html", active="customers", form=form, finding=finding)


def _edit_page(customer: Customer, form: CustomerForm) -> str:
    facts = customer_page.facts(g.vendor, customer)
    return render_template("console/customers/edit.html", active="customers", customer=customer, form=form, **facts)


def _back(customer_id: int) -> Response:
    return redirect(url_for(".edit", customer_id=customer_id), code=303)
