"""What the vendor sells, for customers."""

from __future__ import annotations

from collections.abc import Mapping

from flask import g, render_template

from portal import PORTAL, access, addresses
from portal.billing import checkout, offers, orders, portal_sessions
from portal.billing.blueprint import bp
from portal.customers import service as customers
from portal.fulfillment import shown
from portal.i18n import page_language


@bp.get(f"{PORTAL}/Plans")
@access.customer
def plans() -> str:
    """Plans with their prices, what the visitor has of them, and purchases that are not finished."""
    return plans_page()


def plans_page(typed: Mapping[str, str] | None = None, mistake: str = "") -> str:
    """The page. typed: the fields of a form that was refused, to be shown again with the mistake in its quantity."""
    language = page_language()
    ids = [customer.id for customer in g.customers]
    had, without_trial = shown.plans_had(g.vendor.id, ids), checkout.products_without_trial(g.vendor.id, ids)
    g.form_targets = portal_sessions.form_targets(g.vendor)
    return render_template(
        "billing/plans.html",
        active="plans",
        base=addresses.portal_path(g.vendor),
        offers=offers.list_offers(g.vendor.id, language, had, without_trial),
        unfinished=offers.list_orders(g.vendor.id, ids, language, orders.OPEN, orders.WAITING),
        customers=customers.labels(g.customers),
        typed=typed or {},
        mistake=mistake,
    )
