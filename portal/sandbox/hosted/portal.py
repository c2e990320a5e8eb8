"""The hosted billing portal: first page, cards, details; `flows.py` has the changes of plans."""

import re
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.sandbox.engine import cards, changing, due, invoicing
from portal.sandbox.errors import StripeError
from portal.sandbox.hosted import shown
from portal.sandbox.hosted.doors import finish, gone, printable, with_visit
from portal.sandbox.hosted.doors import home as go_home
from portal.sandbox.hosted.visits import Visit
from portal.sandbox.ledger import Document
from portal.sandbox.params import EMAIL

bp = Blueprint("portal", __name__, url_prefix="/p/session/<token>")


@bp.get("")
@with_visit
def arrive(visit: Visit) -> Any:
    """Where a portal link leads: the first page, or straight to the task the session is for."""
    if visit.flow is None:
        return go_home(visit)
    kind = visit.flow["type"]
    if kind == "payment_method_update":
        return redirect(url_for(".card", token=visit.token), 303)
    endpoint = {"subscription_cancel": "cancel", "subscription_update": "update"}.get(kind, "confirm")
    return redirect(url_for(f"flows.{endpoint}", token=visit.token, subscription=visit.flow[kind]["subscription"]), 303)


@bp.get("/home")
@with_visit
def home(visit: Visit) -> Any:
    """Plans, cards, invoices, details."""
    subscriptions = visit.ledger.all("subscription", customer=visit.customer["id"])
    plans = [shown.plan(visit, found) for found in subscriptions]
    default = cards.paying_method(visit.ledger, visit.customer)
    invoices = visit.ledger.all("invoice", customer=visit.customer["id"])
    return render_template(
        "sandbox/home.html",
        visit=visit,
        current=[plan for plan in plans if plan.status not in changing.ENDED],
        ended=[plan for plan in plans if plan.status in changing.ENDED],
        methods=visit.ledger.all("payment_method", customer=visit.customer["id"]),
        default=default,
        invoices=invoices if visit.features["invoice_history"]["enabled"] else None,
        done="done" in request.args,
    )


@bp.post("/resume/<subscription>")
@with_visit
def resume(visit: Visit, subscription: str) -> Any:
    """Don't cancel after all."""
    found = own_subscription(visit, subscription)
    if found is None or not shown.plan(visit, found).can_resume:
        return gone()
    changing.resume(visit.ledger, found)
    return redirect(url_for(".home", token=visit.token, done=1), 303)


@bp.route("/card", methods=["GET", "POST"])
@with_visit
def card(visit: Visit) -> Any:
    """Add a test card and pay with it from now on."""
    if not visit.features["payment_method_update"]["enabled"]:
        return gone()
    error, status = None, 200
    if request.method == "POST":
        chosen = request.form.get("card", "")
        if chosen not in cards.TEST_CARDS:
            error, status = _("Choose one of the test cards."), 422
        else:
            try:
                _use_card(visit, cards.attach(visit.ledger, chosen, visit.customer["id"]))
                return finish(visit, _("Your card is saved."))
            except StripeError as refusal:
                error, status = refusal.message, 422
    return render_template("sandbox/card.html", visit=visit, choices=shown.card_choices(), error=error), status


def _use_card(visit: Visit, method: Document) -> None:
    """Make it the default everywhere, and try again what is still unpaid."""
    settings = visit.customer["invoice_settings"] | {"default_payment_method": method["id"]}
    visit.ledger.save(visit.customer | {"invoice_settings": settings})
    for subscription in visit.ledger.all("subscription", customer=visit.customer["id"]):
        if subscription["default_payment_method"] and subscription["status"] not in changing.ENDED:
            due.save(visit.ledger, subscription | {"default_payment_method": method["id"]})
    for invoice in visit.ledger.all("invoice", customer=visit.customer["id"], status="open")[::-1]:
        if invoice["collection_method"] == "charge_automatically" and invoicing.settle(visit.ledger, invoice):
            owner = invoicing.subscription_of(visit.ledger, invoice)
            if owner:
                invoicing.revive(visit.ledger, owner)


@bp.route("/details", methods=["GET", "POST"])
@with_visit
def details(visit: Visit) -> Any:
    """Name, e-mail and phone, as far as the configuration lets the customer change them."""
    allowed = changeable(visit)
    if not allowed:
        return gone()
    values = {name: visit.customer[name] or "" for name in allowed}
    error, status = None, 200
    if request.method == "POST":
        given = {name: request.form.get(name, "").strip() for name in allowed}
        values = {name: printable(value)[:256] for name, value in given.items()}
        if values.get("email") and not re.fullmatch(EMAIL, values["email"]):
            error, status = _("Enter an e-mail address such as name@example.com."), 422
        elif values != given:
            error, status = _("Use at most 256 letters, digits and signs."), 422
        else:
            visit.ledger.save(visit.customer | {name: value or None for name, value in values.items()})
            return redirect(url_for(".home", token=visit.token, done=1), 303)
    return render_template("sandbox/details.html", visit=visit, values=values, error=error), status


def changeable(visit: Visit) -> list[str]:
    """The fields this visitor may change; the address stays as it is for who came through the login page."""
    update = visit.features["customer_update"]
    names = [name for name in ("name", "email", "phone") if update["enabled"] and name in update["allowed_updates"]]
    return [name for name in names if not (name == "email" and visit.by_login)]


def own_subscription(visit: Visit, id_: str) -> Document | None:
    """A subscription of this customer, or None."""
    found = visit.ledger.find("subscription", id_)
    return found if found and found["customer"] == visit.customer["id"] else None
