"""Back from Stripe: from the billing portal to the page that was left; from the page to pay on to the truth about it.

Nothing is believed because of how the address looks: what was paid is asked of Stripe, and only about own orders.
"""

from __future__ import annotations

from flask import flash, g, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, throttle, unit_of_work
from portal.billing import gateway, offers, orders, portal_sessions, sync, words
from portal.billing.blueprint import bp
from portal.billing.models import Subscription
from portal.billing.orders import Ordered
from portal.errors import NotFound, Throttled
from portal.extensions import db
from portal.fulfillment import ordered, shown
from portal.fulfillment.shown import KeyShown
from portal.i18n import page_language

# Seconds until the page looks again by itself; after the last of them only when somebody asks.
PAUSES = (2, 2, 3, 3, 5, 5, 10, 10, 20, 30, 60)
KEY, MADE, WAITING, FAILED, OPEN, EXPIRED, SILENT = "key", "made", "waiting", "failed", "open", "expired", "silent"
BLOCKED = "blocked"
STILL_PAYABLE = ("past_due", "unpaid", "incomplete")
COMES_BY_ITSELF = (MADE, OPEN, SILENT)


@bp.get(f"{PORTAL}/Billing/Return")
@access.customer(terms_open=True)
def come_back() -> Response:
    """After the portal: read again what may have changed, then go where the customer came from."""
    if "order" in request.args:
        return _bought(request.args["order"]) if not g.terms_due else _ask_for_terms()
    asked = request.args.get("customer")
    ids = [customer.id for customer in g.customers if asked is None or str(customer.id) == asked]
    if ids and _may_ask_stripe() and not sync.reread(g.vendor, ids):
        flash(_("Stripe did not answer in time. A change you just made may appear a little later."), "info")
    wanted = addresses.safe_next(request.args.get("next"))
    return make_response(redirect(wanted or addresses.portal_path(g.vendor, "Billing"), code=303))


def _bought(order_id: str) -> Response:
    """After the page to pay on: what became of the order, with the key as soon as there is one."""
    ids = [customer.id for customer in g.customers]
    g.form_targets = portal_sessions.form_targets(g.vendor)
    order = _mine(order_id, ids)
    keys = shown.keys_of(g.vendor.id, order.stripe_id, ids)
    heard = True
    if not keys:
        heard = _may_ask_stripe() and _ask(order)
        order = _mine(order_id, ids)
        keys = shown.keys_of(g.vendor.id, order.stripe_id, ids)
    working = [key for key in keys if not key.is_blocked]
    state = KEY if working else BLOCKED if keys else _state(order, heard)
    turn = _turn() if state in COMES_BY_ITSELF else len(PAUSES)
    again = addresses.portal_path(g.vendor, "Billing/Return", order=order.id)
    page = render_template(
        "billing/come_back.html",
        active="plans",
        base=addresses.portal_path(g.vendor),
        order=offers.tell_order(order, page_language()),
        state=state,
        keys=working,
        mailed_to=next(one.email for one in g.customers if one.id == order.customer_id),
        why=_why(keys, ids) if state == BLOCKED else "",
        unpaid=_unpaid(order) if state == FAILED else "",
        again=again,
        looks_again=turn < len(PAUSES),
    )
    response = make_response(page)
    if turn < len(PAUSES):
        response.headers["Refresh"] = f"{PAUSES[turn]}; url={again}&turn={turn + 1}"
    return response


def _ask_for_terms() -> Response:
    """Keys are shown once the vendor's terms are accepted, and then at once."""
    wanted = addresses.safe_next(request.full_path)
    return make_response(redirect(addresses.portal_path(g.vendor, "Terms", next=wanted or ""), code=303))


def _mine(order_id: str, customer_ids: list[int]) -> Ordered:
    found = orders.find_mine(g.vendor.id, order_id, customer_ids)
    if found is None:
        raise NotFound(_("There is no such purchase."))
    return found


def _ask(order: Ordered) -> bool:
    """Ask Stripe and write down what follows, in a short transaction of its own; whether Stripe answered in time."""
    place = ordered.place_of(order, read_seconds=ordered.RETURN_SECONDS, retries=0)
    unit_of_work.let_go()
    if place is None:
        return False
    try:
        seen = ordered.look(place, order)
    except gateway.GatewayError:
        return False
    with unit_of_work.own_session():
        ordered.apply(order, seen)
    return True


def _state(order: Ordered, heard: bool) -> str:
    """What the page says while there is no key."""
    if order.state == orders.PAID:
        return MADE
    if order.state in (orders.WAITING, orders.FAILED):
        return order.state
    if not heard:
        return SILENT
    return EXPIRED if order.state == orders.EXPIRED else OPEN


def _why(keys: list[KeyShown], customer_ids: list[int]) -> str:
    """Why the keys of a purchase are blocked, where that follows from money."""
    reasons = shown.blocked_because(g.vendor.id, customer_ids)
    return words.why_blocked(reasons.get(keys[0].global_id, ""), page_language())


def _unpaid(order: Ordered) -> str:
    """The subscription that another card would still pay: buying again would make a second one."""
    found = db.session.get(Subscription, (order.vendor_id, order.stripe_id))
    return found.stripe_id if found is not None and found.status in STILL_PAYABLE else ""


def _turn() -> int:
    """How often the page has looked again by itself."""
    text = request.args.get("turn", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else len(PAUSES)


def _may_ask_stripe() -> bool:
    """Whether this visitor has not come back too often: each time costs the vendor some calls, and us a wait."""
    try:
        throttle.hit("billing_return", g.visitor.id)
    except Throttled:
        return False
    return True
