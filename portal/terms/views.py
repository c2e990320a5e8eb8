"""The terms question, and the receipts of those who answered it."""

from __future__ import annotations

from flask import Blueprint, flash, g, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, unit_of_work
from portal.billing import service as billing
from portal.terms import service as terms
from portal.terms.forms import TermsForm
from portal.terms.service import Terms

bp = Blueprint("terms", __name__)


@bp.get(f"{PORTAL}/Terms")
@access.signed_in(terms_open=True)
def show() -> str:
    """What is asked, or that nothing is."""
    return _show(TermsForm(formdata=None), _asked(), request.args.get("next"))


@bp.post(f"{PORTAL}/Terms")
@access.signed_in(terms_open=True)
@access.own_token
def accept() -> Response | tuple[str, int]:
    """Record the acceptance for each of the user's customers, then go where they wanted."""
    form, asked = TermsForm(), _asked()
    answered = form.validate_on_submit() & form.consents(asked)
    if not answered:
        return _show(form, asked, form.next.data), form.status
    if asked:
        for customer_id in [customer.id for customer in g.customers] or [None]:
            terms.accept(g.vendor, g.visitor.id, g.visitor.email, customer_id, asked.url, asked.version)
        unit_of_work.commit()
        flash(_("Thank you. Your receipt is on the account page."))
    wanted = addresses.safe_next(form.next.data) or addresses.portal_path(g.vendor, "Licenses")
    return redirect(wanted, code=303)


@bp.get(f"{PORTAL}/Terms/Receipt")
@access.signed_in
def receipt() -> str:
    """Everything this user accepted at this vendor."""
    return render_template("terms/receipt.html", receipts=terms.list_receipts(g.vendor, g.visitor.id), active="account")


@bp.get(f"{PORTAL}/Terms/Receipt/<int:entry_id>")
@access.signed_in
def download(entry_id: int) -> Response:
    """One receipt as a text file."""
    found = terms.get_receipt(g.vendor, g.visitor.id, entry_id)
    response = make_response(render_template("terms/receipt.txt", receipt=found))
    response.mimetype = "text/plain"
    response.headers["Content-Disposition"] = f'attachment; filename="terms-receipt-{entry_id}.txt"'
    return response


def _asked() -> Terms | None:
    return terms.find_unaccepted(g.vendor, g.visitor.id)


def _show(form: TermsForm, asked: Terms | None, wanted: str | None) -> str:
    receipts = terms.list_receipts(g.vendor, g.visitor.id, limit=1)
    current = terms.current(g.vendor)
    running = billing.running_of(g.vendor, g.customers, g.visitor.email) if asked else None
    if running:
        g.form_targets = running.form_targets
    return render_template(
        "terms/show.html",
        form=form,
        asked=asked,
        next=addresses.safe_next(wanted),
        accepted=receipts[0] if receipts else None,
        terms_url=current.url if current else None,
        running=running,
    )
