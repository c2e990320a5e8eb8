"""From *Buy* to Stripe's page to pay on. The order is recorded and committed before Stripe hears of it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import flash, g, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, throttle, unit_of_work
from portal.billing import checkout as checkouts
from portal.billing import gateway, orders, plan_views, plans, portal_sessions, stripe_customers
from portal.billing.blueprint import bp
from portal.billing.checkout import Asked, NotForSale
from portal.billing.orders import Ordered
from portal.billing.portal_sessions import SeveralCustomers
from portal.billing.stripe_customers import Intent
from portal.errors import Invalid, NotFound
from portal.fulfillment import seeds
from portal.i18n import outside_language

ROUNDS = 4  # how often one click starts over: after Stripe's own mistake, a closed page, a lost customer


@dataclass(frozen=True)
class Step:
    """One try: the order, committed. stripe_id: of its customer; connection: patient as long as a person is."""

    asked: Asked
    order: Ordered
    stripe_id: str
    instance: str
    connection: gateway.Connection


@bp.post(f"{PORTAL}/Billing/Checkout")
@access.customer(terms_open=True)
def checkout() -> Response | tuple[str, int]:
    """Open Stripe's page to pay on. A double click, a second tab or a retry lead to the same page."""
    throttle.hit("checkout", g.visitor.id)
    if g.terms_due:
        page = addresses.portal_path(g.vendor, "Terms", next=addresses.portal_path(g.vendor, "Plans"))
        return redirect(page, code=303)
    given = {name: request.form.get(name, "") for name in ("price", "customer", "quantity")}
    try:
        with unit_of_work.reading():
            asked = checkouts.find_wish(g.vendor, g.customers, **given)
    except Invalid as error:
        return plan_views.plans_page(given, error.message), error.status
    except (NotFound, NotForSale, SeveralCustomers) as error:
        flash(error.message, "error")
        return redirect(addresses.portal_path(g.vendor, "Plans"), code=303)
    if asked.waits and not request.form.get("again"):
        return redirect(addresses.portal_path(g.vendor, "Billing/Return", order=asked.waits), code=303)
    try:
        address = _address_for(asked)
    except gateway.GatewayError as error:
        return _try_again(error, given)
    return redirect(address, code=303)


@bp.get(f"{PORTAL}/Billing/Checkout")
@access.customer
def checkout_again() -> Response:
    """Reloading what a failed purchase left in the address bar leads to the plans."""
    return redirect(addresses.portal_path(g.vendor, "Plans"), code=303)


def _address_for(asked: Asked) -> str:
    """Where to send the browser: to the order's page at Stripe, or to our own once it is paid.

    Raises the gateway's errors.
    """
    for _round in range(ROUNDS):
        step = _record(asked)
        if checkouts.is_fresh(step.order) and step.order.quantity == asked.wish.quantity:
            return _allowed(step.order.session_url)
        goes_on = step.order.session_id or checkouts.is_old(step.order)
        goes_on = goes_on or step.order.quantity != asked.wish.quantity
        address = _go_on(step) if goes_on else _start(step)
        if address:
            return address
    raise gateway.Unreachable(_("Stripe is still busy with an earlier try. Please try again in a moment."))


def _record(asked: Asked) -> Step:
    """The order, committed before anything is asked of Stripe, and then its customer's counterpart there."""
    connection = portal_sessions.connection_of(g.vendor)
    order = orders.begin(g.vendor.id, g.visitor.id, asked.wish, livemode=asked.livemode)
    instance = seeds.instance_of(g.vendor.id)
    intent = stripe_customers.intend(g.vendor, asked.wish.customer_id)
    unit_of_work.commit()
    if connection is None:
        raise gateway.KeyRefused(_("%(vendor)s takes no orders here at the moment.", vendor=g.vendor.name))
    return Step(asked, order, intent.stripe_id or _counterpart(intent), instance, connection)


def _start(step: Step) -> str:
    """Make the page to pay on; empty where the click has to start over."""
    params = checkouts.params_for(
        g.vendor,
        step.order,
        step.stripe_id,
        step.instance,
        trial_days=step.asked.wish.trial_days,
        language=outside_language(),
    )
    try:
        session = checkouts.make(step.connection, step.order, params)
    except (gateway.KeyReused, gateway.Stumbled):
        return _look_first(step)
    except gateway.NoSuchCustomer:
        stripe_customers.mark_stale(g.vendor, step.stripe_id)
        orders.raise_attempt(step.order)
        unit_of_work.commit()
        return ""
    except gateway.Refused:
        orders.settle(g.vendor.id, step.order.id, orders.EXPIRED)
        plans.queue_sync(g.vendor.id)
        unit_of_work.commit()
        raise
    return _keep(step, session)


def _counterpart(intent: Intent) -> str:
    made = stripe_customers.make(intent)
    kept = stripe_customers.keep(intent, made)
    unit_of_work.commit()
    return kept


def _look_first(step: Step) -> str:
    """Stripe keeps another answer under our key: use the page if there is one, else take the next key."""
    found = checkouts.look(step.connection, step.order, step.stripe_id)
    if found is not None and found.status != "expired":
        return _keep(step, found)
    orders.raise_attempt(step.order)
    unit_of_work.commit()
    return ""


def _keep(step: Step, session: gateway.SessionRead) -> str:
    """Note the page of the order; empty where the order came to an end, or to another page, in the meantime."""
    now = orders.keep_session(step.order, session.id, session.url)
    unit_of_work.commit()
    if now.session_id == session.id:
        return _way_to(step, session)
    if now.session_id or now.state == orders.OPEN:
        return ""
    _close(step, session)
    return ""


def _go_on(step: Step) -> str:
    """Continue an order that may have a page already; empty where it has none any more and a new order is due."""
    session = checkouts.look(step.connection, step.order, step.stripe_id)
    if session is not None and session.status == "complete":
        return _way_to(step, session)
    if session is not None and session.status == "open":
        if step.order.quantity == step.asked.wish.quantity:
            return _keep(step, session)
        if not _close(step, session):
            return ""
    orders.settle(g.vendor.id, step.order.id, orders.EXPIRED)
    unit_of_work.commit()
    return ""


def _close(step: Step, session: gateway.SessionRead) -> bool:
    """Nobody shall pay what was replaced. Whether that worked: somebody may have paid it just now."""
    try:
        gateway.expire_session(step.connection, session.id)
    except gateway.Refused:
        return False
    return True


def _way_to(step: Step, session: gateway.SessionRead) -> str:
    if session.status == "complete":
        return addresses.portal_path(g.vendor, "Billing/Return", order=step.order.id)
    return _allowed(session.url)


def _allowed(url: str) -> str:
    if not portal_sessions.may_lead_to(g.vendor, url):
        raise gateway.Refused(_("Stripe answered with an address we do not know."))
    return url


def _try_again(error: gateway.GatewayError, given: dict[str, str]) -> tuple[str, int]:
    fields = {name: value for name, value in given.items() if value}
    base = addresses.portal_path(g.vendor)
    page = render_template("billing/checkout.html", active="plans", base=base, message=error.message, fields=fields)
    return page, 503
