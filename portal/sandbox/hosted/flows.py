"""Changes of a plan in the hosted portal: cancel, switch, confirm."""

from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from portal.sandbox.engine import changing, due
from portal.sandbox.errors import StripeError
from portal.sandbox.hosted import shown
from portal.sandbox.hosted.doors import finish, gone, with_visit
from portal.sandbox.hosted.portal import own_subscription
from portal.sandbox.hosted.visits import Visit
from portal.sandbox.ledger import Document

bp = Blueprint("flows", __name__, url_prefix="/p/session/<token>")


@bp.route("/cancel/<subscription>", methods=["GET", "POST"])
@with_visit
def cancel(visit: Visit, subscription: str) -> Any:
    """Say what will happen, then cancel at the end of the period or at once, as configured."""
    found = own_subscription(visit, subscription)
    if found is None:
        return gone()
    plan, feature = shown.plan(visit, found), visit.features["subscription_cancel"]
    if not plan.can_cancel:
        return render_template("sandbox/done.html", visit=visit, message=plan.note), 409
    if request.method == "POST":
        details = _reasons(feature)
        if feature["mode"] == "immediately":
            changing.cancel_now(visit.ledger, found, details)
        else:
            changing.cancel_later(visit.ledger, found, details)
        return finish(visit, _("Your subscription is canceled."))
    return render_template("sandbox/cancel.html", visit=visit, plan=plan, feature=feature)


def _reasons(feature: Document) -> Document:
    """What the customer said, as far as the configuration asks."""
    reason = feature["cancellation_reason"]
    feedback = request.form.get("feedback", "")
    comment = request.form.get("comment", "").strip()[:5000]
    if not reason["enabled"]:
        return {}
    return {"comment": comment or None, "feedback": feedback if feedback in reason["options"] else None}


@bp.get("/update/<subscription>")
@with_visit
def update(visit: Visit, subscription: str) -> Any:
    """Choose another plan among those the configuration lists."""
    found = own_subscription(visit, subscription)
    if found is None:
        return gone()
    plan = shown.plan(visit, found)
    if not plan.can_update:
        return render_template("sandbox/done.html", visit=visit, message=_("This plan cannot be changed here.")), 409
    item = due.items_of(visit.ledger, found["id"])[0]
    return render_template(
        "sandbox/update.html", visit=visit, plan=plan, item=item, offers=_offers(visit, found["currency"])
    )


@bp.route("/confirm/<subscription>", methods=["GET", "POST"])
@with_visit
def confirm(visit: Visit, subscription: str) -> Any:
    """Show what the change costs, then make it."""
    found = own_subscription(visit, subscription)
    wanted = _wanted(visit, found) if found else None
    if found is None or wanted is None or not shown.plan(visit, found).can_update:
        return gone()
    error = None
    if request.method == "POST":
        error = _try_to_change(visit, found, *wanted)
        if error is None:
            return finish(visit, _("Your plan is changed."))
    price, quantity = wanted[1:]
    page = render_template(
        "sandbox/confirm.html",
        visit=visit,
        plan=shown.plan(visit, found),
        name=shown.product_name(visit.ledger, price),
        price=price,
        quantity=quantity,
        error=error,
    )
    return page, 422 if error else 200


def _try_to_change(visit: Visit, subscription: Document, item: Document, price: Document, quantity: int) -> str | None:
    """Make the change, or none of it and say why. A savepoint, so that a refused card leaves nothing half changed."""
    connection = visit.ledger.connection
    connection.execute("SAVEPOINT change")
    try:
        _change(visit, dict(subscription), item, price, quantity)
    except StripeError as refusal:
        connection.execute("ROLLBACK TO change")
        return refusal.message
    return None


def _change(visit: Visit, subscription: Document, item: Document, price: Document, quantity: int) -> None:
    feature = visit.features["subscription_update"]
    subscription = changing.switch(
        visit.ledger,
        subscription,
        item,
        price,
        quantity,
        proration=feature["proration_behavior"],
        behavior="error_if_incomplete",
    )
    if subscription["status"] == "trialing" and feature["trial_update_behavior"] == "end_trial":
        changing.end_trial(visit.ledger, subscription, "error_if_incomplete")


def _offers(visit: Visit, currency: str) -> list[tuple[str, Document, bool]]:
    """Name, price and whether the quantity may change, of everything on offer."""
    found = []
    for product in visit.features["subscription_update"]["products"] or []:
        for price_id in product["prices"]:
            price = visit.ledger.find("price", price_id)
            if price and price["active"] and price["recurring"] and price["currency"] == currency:
                adjustable = product["adjustable_quantity"]["enabled"]
                found.append((shown.product_name(visit.ledger, price), price, adjustable))
    return found


def _wanted(visit: Visit, subscription: Document) -> tuple[Document, Document, int] | None:
    """The item to change, its new price and quantity; from the session's flow or from the form."""
    items = due.items_of(visit.ledger, subscription["id"])
    flow = (visit.flow or {}).get("subscription_update_confirm")
    if flow and flow["subscription"] == subscription["id"]:
        given = flow["items"][0]
        item = next((entry for entry in items if entry["id"] == given["id"]), items[0])
        price = visit.ledger.find("price", given.get("price") or item["price"])
        return (item, price, given.get("quantity", item["quantity"])) if price else None
    item = items[0]
    for _name, price, adjustable in _offers(visit, subscription["currency"]):
        if price["id"] == request.values.get("price"):
            asked = request.values.get("quantity", "")
            is_number = asked.isascii() and asked.isdigit() and 1 <= len(asked) <= 6 and int(asked) > 0
            return item, price, int(asked) if adjustable and is_number else item["quantity"]
    return None
