"""The vendor's plans as a customer reads them: per product the prices, in words, and what is there already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.billing import orders, plans
from portal.billing.models import Order, Plan
from portal.billing.words import per_period
from portal.extensions import db
from portal.formatters import money_in
from portal.licenses import create_key, limits, states
from portal.licenses.limits import Limits


@dataclass(frozen=True)
class Running:
    """A subscription that goes on. owes: a bill of it is not paid."""

    stripe_id: str
    owes: bool


@dataclass(frozen=True)
class Had:
    """What customers have of what is sold: keys by price, and by product at Stripe a subscription that pays for it."""

    keys: Counter[str]
    running: dict[str, Running]


NOTHING_YET = Had(Counter(), {})


@dataclass(frozen=True)
class Price:
    """One price to buy at.

    includes: what a key of it can do, by the names of its features. unit: what its quantity counts. had: how many keys
    of it the customer has.
    """

    id: str
    name: str
    price: str
    trial: str
    includes: str
    unit: str
    had: int


@dataclass(frozen=True)
class Offer:
    """A product with its prices. running: a subscription of it that the customer has."""

    name: str
    description: str
    prices: list[Price]
    running: Running | None = None


@dataclass(frozen=True)
class OrderTold:
    """An order in words. state: see `billing.models.Order`; price_id, customer_id and quantity: to go on with it.

    outcome: what became of a paid one: refunded, disputed, trial (nothing was paid yet), or empty.
    """

    id: str
    customer_id: int
    price_id: str
    quantity: int
    name: str
    price: str
    state: str
    at: datetime
    outcome: str = ""


def list_offers(
    vendor_id: int, locale: str, had: Had = NOTHING_YET, without_trial: Collection[str] = ()
) -> list[Offer]:
    """Everything the vendor sells, by product: three queries, and never a call to Stripe.

    had: what the customer has. without_trial: products at Stripe of which there is no free trial any more.
    """
    sold = plans.list_sold(vendor_id)
    ours = limits.of_products(vendor_id)
    found = []
    for product, plans_of_it in groupby(sold, lambda one: one.stripe_product_id):
        same, has_trial = list(plans_of_it), product not in without_trial
        prices = [
            Price(
                id=plan.price_id,
                name=plan.nickname,
                price=price_of(plan, locale),
                trial=_trial(plan.trial_days if has_trial else 0),
                includes=_includes(plan, ours),
                unit=plan.unit_label or (_("Machines") if plans.by_machines(plan) else _("Licenses")),
                had=had.keys[plan.price_id],
            )
            for plan in same
        ]
        found.append(Offer(same[0].name, same[0].description, prices, had.running.get(product)))
    return found


def list_orders(
    vendor_id: int,
    customer_ids: Collection[int],
    locale: str,
    *states: str,
    outcomes: Mapping[str, str] | None = None,
) -> list[OrderTold]:
    """The latest orders of these customers in these states, newest first. outcomes: by purchase at Stripe."""
    found = orders.list_for(vendor_id, plans.mode_of(vendor_id), list(customer_ids), *states)
    return [_told(order, plan, locale, (outcomes or {}).get(order.stripe_id, "")) for order, plan in found]


def tell_order(order: orders.Ordered, locale: str) -> OrderTold:
    """One order in words."""
    plan = db.session.get(Plan, (order.vendor_id, order.price_id))
    return _told(order, plan, locale)


def name_of(plan: Plan | None) -> str:
    """A plan as one name."""
    if plan is None:
        return str(_("A plan that is not sold any more"))
    return f"{plan.name}, {plan.nickname}" if plan.nickname else plan.name


def price_of(plan: Plan, locale: str) -> str:
    """What one unit of a plan costs, and how often: *$19.00 per month*, *$99.00 once*, *Free*."""
    if plan.amount_minor is None:
        return ""
    if plan.amount_minor == 0:
        return str(_("Free"))
    amount = money_in(locale, plan.amount_minor, plan.currency)
    if not plan.interval:
        return str(_("%(price)s once", price=amount))
    return per_period(amount, plan.interval, plan.interval_count, locale)


def _includes(plan: Plan, products: Mapping[int, Limits]) -> str:
    """The features of a key of this plan, by the names of its product, and its machines where they are limited."""
    key, product = create_key.parse(plan.skm), products.get(plan.product_id or 0, Limits())
    parts = states.feature_names(product.definitions, (name for name, on in key.features.items() if on))
    if key.max_no_of_machines > 0 and key.quantity != create_key.MACHINES:
        most = key.max_no_of_machines
        parts.append(ngettext("%(num)s machine per license", "%(num)s machines per license", most))
    return ", ".join(parts)


def _trial(days: int) -> str:
    if not days:
        return ""
    return str(ngettext("%(num)s day free with the first purchase", "%(num)s days free with the first purchase", days))


def _told(order: Order | orders.Ordered, plan: Plan | None, locale: str, outcome: str = "") -> OrderTold:
    return OrderTold(
        id=order.id,
        customer_id=order.customer_id,
        price_id=order.price_id,
        quantity=order.quantity,
        name=name_of(plan),
        price=price_of(plan, locale) if plan else "",
        state=order.state,
        at=order.created_at,
        outcome=outcome if order.state == orders.PAID else "",
    )
