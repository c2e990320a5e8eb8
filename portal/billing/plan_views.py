"""What the vendor sells, for customers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from flask import g, render_template

from portal import PORTAL, access, addresses
from portal.billing import checkout, offers, orders, portal_sessions
from portal.billing.blueprint import bp
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
    bought = checkout.bought_before(g.vendor.id, ids)
    g.form_targets = portal_sessions.form_targets(g.vendor)
    return render_template(
        "billing/plans.html",
        active="plans",
        base=addresses.portal_path(g.vendor),
        offers=offers.list_offers(
            g.vendor.id, language, shown.plans_had(g.vendor.id, ids), _without_trial(bought, ids)
        ),
        unfinished=offers.list_orders(g.vendor.id, ids, language, orders.OPEN, orders.WAITING),
        customers=g.customers,
        typed=typed or {},
        mistake=mistake,
    )


def _without_trial(bought: Collection[tuple[int, str]], customer_ids: Collection[int]) -> set[str]:
    """The products at Stripe of which none of these customers gets a free trial any more."""
    products = {product for _customer, product in bought}
    return {product for product in products if all((number, product) in bought for number in customer_ids)}
