"""The hosted invoice: what is owed, and a way to pay it."""

from typing import Any

from flask import Blueprint, current_app, render_template, request
from flask_babel import gettext as _

from portal.sandbox.engine import cards, invoicing, renewing
from portal.sandbox.hosted import shown
from portal.sandbox.hosted.doors import gone
from portal.sandbox.journal import written
from portal.sandbox.ledger import Document, Ledger

bp = Blueprint("invoices", __name__)


@bp.route("/i/<account>/<invoice>", methods=["GET", "POST"])
def show(account: str, invoice: str) -> Any:
    """One invoice, for whoever has its address; an open one can be paid."""
    sandbox = current_app.extensions["sandbox"]
    renewing.catch_up(sandbox.store, sandbox.clock(), sandbox.public_url)
    with (
        sandbox.store.transaction() as connection,
        written(Ledger(connection, account, sandbox.clock(), sandbox.public_url)) as ledger,
    ):
        found = ledger.find("invoice", invoice)
        if found is None or found["status"] == "draft":
            return gone()
        error = _pay(ledger, found, request.form.get("card", "")) if request.method == "POST" else None
        found = ledger.get("invoice", invoice, "invoice")
    page = render_template("sandbox/invoice.html", invoice=found, choices=shown.card_choices(), error=error)
    return page, 422 if error else 200


def _pay(ledger: Ledger, invoice: Document, card: str) -> str | None:
    """Try to pay; says what is wrong, if anything is."""
    if invoice["status"] not in ("open", "uncollectible"):
        return None
    if card not in cards.TEST_CARDS:
        return str(_("Choose one of the test cards."))
    method = cards.new_method(ledger, cards.TEST_CARDS[card])
    if not invoicing.settle(ledger, invoice, method=method):
        return str(_("Your card was declined."))
    subscription = invoicing.subscription_of(ledger, invoice)
    if subscription:
        invoicing.revive(ledger, subscription)
    return None
