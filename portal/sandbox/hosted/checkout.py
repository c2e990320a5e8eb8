"""The hosted Checkout page: what is bought, who pays, and how it ends."""

import re
from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request
from flask_babel import gettext as _

from portal.sandbox.engine import completing, renewing
from portal.sandbox.engine.checkout import line_items
from portal.sandbox.errors import StripeError
from portal.sandbox.hosted import shown
from portal.sandbox.hosted.doors import allow_forms_to, gone, printable
from portal.sandbox.journal import written
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.params import EMAIL

bp = Blueprint("checkout", __name__)


@bp.route("/c/pay/<session>", methods=["GET", "POST"])
def pay(session: str) -> Any:
    """Show what is to be paid; take the payment once."""
    sandbox = current_app.extensions["sandbox"]
    renewing.catch_up(sandbox.store, sandbox.clock(), sandbox.public_url)
    with sandbox.store.transaction() as connection:
        account = account_of(connection, "checkout.session", session)
        if account is None:
            return gone()
        with written(Ledger(connection, account, sandbox.clock(), sandbox.public_url)) as ledger:
            found = ledger.get("checkout.session", session, "session")
            g.wanted_locales = [found["locale"]]
            allow_forms_to(*filter(None, (found["success_url"], found["cancel_url"])))
            if found["status"] != "open":
                return _over(found)
            return _serve(ledger, found)


def account_of(connection: Any, kind: str, id_: str) -> str | None:
    """Whose object this is; for pages that are found by the object's id alone."""
    row = connection.execute("SELECT account FROM objects WHERE id = ? AND kind = ?", (id_, kind)).fetchone()
    return row["account"] if row else None


def _over(session: Document) -> Any:
    if session["status"] == "complete" and session["success_url"]:
        return redirect(_success(session), 303)
    return render_template("sandbox/paid.html", session=session), 200 if session["status"] == "complete" else 410


def _success(session: Document) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _serve(ledger: Ledger, session: Document) -> Any:
    customer = ledger.find("customer", session["customer"] or "") or {}
    email = session["customer_email"] or customer.get("email") or session["_more"].get("prefilled_email") or ""
    values = {"email": email, "name": customer.get("name") or "", "means": "pm_card_visa"}
    error = None
    if request.method == "POST":
        values |= {name: printable(request.form.get(name, "")).strip()[:256] for name in ("name", "means")}
        if not session["customer_email"] and not customer.get("email"):
            values["email"] = printable(request.form.get("email", "")).strip()[:512]
        error = _wrong(values) or _try(ledger, session, values)
        if error is None:
            return _over(ledger.get("checkout.session", session["id"], "session"))
    page = render_template(
        "sandbox/checkout.html",
        session=session,
        items=line_items(ledger, session),
        values=values,
        is_known=bool(session["customer_email"] or customer.get("email")),
        choices=means(),
        trial=session["_more"]["subscription_data"].get("trial_period_days"),
        error=error,
    )
    return page, 422 if error else 200


def _wrong(values: dict[str, str]) -> str | None:
    if not re.fullmatch(EMAIL, values["email"]):
        return str(_("Enter an e-mail address such as name@example.com."))
    if values["means"] not in dict(means()):
        return str(_("Choose how to pay."))
    return None


def means() -> list[tuple[str, str]]:
    """Every way to pay: name and label."""
    when_charged = {"pm_card_chargeCustomerFail": _("Visa ending in 0341: is declined when charged")}
    return [
        *((dict(shown.card_choices()) | when_charged).items()),
        (completing.PAY_LATER, _("Bank account ending in 3000: pays after three days")),
        (completing.FAIL_LATER, _("Bank account ending in 3001: refuses after three days")),
    ]


def _try(ledger: Ledger, session: Document, values: dict[str, str]) -> str | None:
    """Pay, or undo everything and say why not."""
    ledger.connection.execute("SAVEPOINT payment")
    try:
        completing.complete(ledger, session, completing.Payer(values["email"], values["name"], values["means"]))
    except StripeError as refusal:
        ledger.connection.execute("ROLLBACK TO payment")
        return refusal.message
    return None
