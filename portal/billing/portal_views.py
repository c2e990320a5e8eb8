"""Billing: what is paid, and the step to Stripe's billing portal."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import flash, g, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, throttle, unit_of_work
from portal.audit import service as audit
from portal.billing import gateway, offers, orders, overview, portal_sessions, steps, stripe_customers
from portal.billing.blueprint import bp
from portal.billing.told import reading_for
from portal.fulfillment import shown
from portal.i18n import outside_language


@bp.get(f"{PORTAL}/Billing")
@access.customer
def index() -> str:
    """The visitor's subscriptions, and the way to Stripe for each of their customers."""
    reading, ids = reading_for(g.vendor), [one.id for one in g.customers]
    blocked = shown.blocked_because(g.vendor.id, ids)
    outcomes = shown.outcomes_of(g.vendor.id, ids)
    g.form_targets = portal_sessions.form_targets(g.vendor)
    return render_template(
        "billing/index.html",
        active="billing",
        base=addresses.portal_path(g.vendor),
        parts=overview.find(g.vendor, g.customers, g.visitor.email, reading, blocked),
        steps_for=steps.buttons(reading.locale),
        history=offers.list_orders(
            g.vendor.id, ids, reading.locale, orders.WAITING, orders.PAID, orders.FAILED, outcomes=outcomes
        ),
    )


@bp.post(f"{PORTAL}/Billing/Portal")
@access.customer(terms_open=True)
def portal() -> Response | tuple[str, int]:
    """Open Stripe's billing portal: a fresh session for each click, never kept."""
    throttle.hit("billing", g.visitor.id)
    asked = {name: request.form.get(name, "") for name in ("flow", "subscription", "customer")}
    if g.terms_due and asked["flow"] != "subscription_cancel":
        return redirect(addresses.portal_path(g.vendor, "Terms"), code=303)
    try:
        with unit_of_work.reading():
            step = portal_sessions.find_step(g.vendor, g.customers, **asked)
            connection = portal_sessions.connection_of(g.vendor) if step.stripe_id else None
    except (portal_sessions.NothingYet, portal_sessions.SeveralCustomers) as error:
        flash(error.message, "info")
        return redirect(addresses.portal_path(g.vendor, "Billing"), code=303)
    _note(step)
    if connection is None:
        return redirect(portal_sessions.login_link(g.vendor, step.email or g.visitor.email), code=303)
    return _go(connection, step, asked)


@bp.get(f"{PORTAL}/Billing/Portal")
@access.customer
def portal_again() -> Response:
    """Reloading what a failed step left in the address bar leads to the page it was asked on."""
    return redirect(addresses.portal_path(g.vendor, "Billing"), code=303)


def _note(step: portal_sessions.Step) -> None:
    after = {"flow": step.flow or "home", "subscription": step.subscription}
    audit.record(g.vendor.id, "billing.portal", f"customer:{step.customer.id}", after=after)
    unit_of_work.commit()


def _go(
    connection: gateway.Connection, step: portal_sessions.Step, asked: dict[str, str]
) -> Response | tuple[str, int]:
    back = {"customer": step.customer.id, "next": _left_page()}
    return_url = addresses.portal_link(g.vendor, "Billing/Return", **back)
    try:
        url = portal_sessions.open_session(
            connection, step, return_url=return_url, language=outside_language(), only_this_step=g.terms_due
        )
    except gateway.NoSuchCustomer:
        stripe_customers.mark_stale(g.vendor, str(step.stripe_id))
        unit_of_work.commit()
        flash(_("Stripe no longer knows this customer. Please write to %(vendor)s.", vendor=g.vendor.name), "error")
        return redirect(addresses.portal_path(g.vendor, "Billing"), code=303)
    except gateway.GatewayError as error:
        return _try_again(error, asked)
    if not portal_sessions.may_lead_to(g.vendor, url):
        return _try_again(gateway.Refused(_("Stripe answered with an address we do not know.")), asked)
    return redirect(url, code=303)


def _try_again(error: gateway.GatewayError, asked: dict[str, str]) -> tuple[str, int]:
    fields = {name: value for name, value in asked.items() if value}
    base = addresses.portal_path(g.vendor)
    page = render_template("billing/portal.html", active="billing", base=base, message=error.message, fields=fields)
    return page, 503


def _left_page() -> str:
    """The page the customer left, if it is one of this portal's; else the billing page."""
    parts = urlsplit(request.referrer or "")
    base = addresses.portal_path(g.vendor)
    path = addresses.safe_next(parts.path + (f"?{parts.query}" if parts.query else ""))
    is_ours = parts.netloc == request.host and path is not None and path.startswith(base)
    if is_ours and path and not path.startswith(f"{base}Billing/"):
        return path
    return f"{base}Billing"
