"""What the vendor sells, for customers."""

from __future__ import annotations

from flask import g, render_template

from portal import PORTAL, access, addresses
from portal.billing import offers, orders, portal_sessions
from portal.billing.blueprint import bp
from portal.fulfillment import shown
from portal.i18n import page_language


@bp.get(f"{PORTAL}/Plans")
@access.customer
def plans() -> str:
    """Plans with their prices, what the visitor has of them, and purchases that are not finished."""
    language = page_language()
    ids = [customer.id for customer in g.customers]
    g.form_targets = portal_sessions.form_targets(g.vendor)
    return render_template(
        "billing/plans.html",
        active="plans",
        base=addresses.portal_path(g.vendor),
        offers=offers.list_offers(g.vendor.id, language, shown.plans_had(g.vendor.id, ids)),
        unfinished=offers.list_orders(g.vendor.id, ids, language, orders.OPEN, orders.WAITING),
        customers=g.customers,
    )
