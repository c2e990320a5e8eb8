"""The step from an order to Stripe's page to pay on: what is asked for, which ids travel along, what is there already.

An edge joins the steps, committing in between: `orders.begin`, `stripe_customers`, `make`, `orders.keep_session`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import and_, select

from portal import addresses, clock
from portal.billing import gateway, orders, plans
from portal.billing.links import TEMPORARY
from portal.billing.models import Order, Plan
from portal.billing.orders import Ordered, Wish
from portal.billing.portal_sessions import SeveralCustomers
from portal.errors import Conflict, Invalid, NotFound
from portal.extensions import db
from portal.terms.service import StandingCustomer
from portal.vendors.service import VendorProfile

# Shown on a subscription for as long as its key does not exist (Cryptolens' wording).
NO_KEY_YET = (
    "This parameter will replaced with 'skm_key_id'. If you see this after refreshing the page, it means no key was "
    "created for the customer but they were still charged."
)
MOST = 99
# A second click within this time gets the same page without asking Stripe whether it is still open.
JUST_NOW = timedelta(seconds=60)
# Stripe keeps idempotency keys for a day at least; what is older may be made anew only after looking.
KEYS_KEPT = timedelta(hours=23)
_LOCALES = (
    "bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl "
    "sv th tr vi zh zh-HK zh-TW"
)
LOCALES = frozenset(_LOCALES.split())


class NotForSale(Conflict):
    """The vendor takes no orders."""


@dataclass(frozen=True)
class Asked:
    """A click on *Buy*, checked. waits: the id of an order for the same that waits for the bank, or empty."""

    wish: Wish
    livemode: bool
    waits: str


def find_wish(
    vendor: VendorProfile, customers: Sequence[StandingCustomer], price: str, customer: str, quantity: str
) -> Asked:
    """What a click asks for, checked against what the vendor sells and what the visitor may do.

    Raises NotFound for a plan that is not sold or another's customer, Invalid with the field `quantity`,
    SeveralCustomers, NotForSale.
    """
    livemode = plans.mode_of(vendor.id)
    if livemode is None:
        raise NotForSale(_("%(vendor)s takes no orders here at the moment.", vendor=vendor.name))
    plan = plans.get_sold(vendor.id, livemode, price)
    chosen = _customer(customers, customer)
    wish = Wish(
        customer_id=chosen.id,
        price_id=plan.price_id,
        mode="subscription" if plan.interval else "payment",
        quantity=_quantity(quantity),
        trial_days=0
        if (chosen.id, plan.stripe_product_id) in bought_before(vendor.id, [chosen.id])
        else plan.trial_days,
    )
    return Asked(wish, livemode, _waiting(vendor.id, wish))


def bought_before(vendor_id: int, customer_ids: Collection[int]) -> set[tuple[int, str]]:
    """Which customers have bought which products at Stripe, by their ids: they get no free trial any more.

    A free trial is for the first purchase of a product; otherwise it could be had again and again.
    """
    plan = and_(Plan.vendor_id == Order.vendor_id, Plan.price_id == Order.price_id)
    paid = select(Order.customer_id, Plan.stripe_product_id).distinct().join(Plan, plan)
    mine = (Order.vendor_id == vendor_id, Order.customer_id.in_(customer_ids), Order.state == orders.PAID)
    return {(row[0], row[1]) for row in db.session.execute(paid.where(*mine))}


def products_without_trial(vendor_id: int, customer_ids: Collection[int]) -> set[str]:
    """The products at Stripe of which none of these customers gets a free trial any more."""
    bought = bought_before(vendor_id, customer_ids)
    products = {product for _customer, product in bought}
    return {product for product in products if all((number, product) in bought for number in customer_ids)}


def params_for(
    vendor: VendorProfile, order: Ordered, stripe_customer_id: str, instance: str, *, trial_days: int, language: str
) -> dict[str, Any]:
    """What Stripe is asked for. Metadata does not flow from the session to what it makes, so it goes on each."""
    ids = {
        "skm_customer_id": str(order.customer_id),
        "latchkey_order": order.id,
        "latchkey_instance": instance,
    }
    back = addresses.portal_link(vendor, "Billing/Return", order=order.id)
    params: dict[str, Any] = {
        "mode": order.mode,
        "customer": stripe_customer_id,
        "client_reference_id": order.id,
        "line_items": [{"price": order.price_id, "quantity": order.quantity}],
        "success_url": f"{back}&session={{CHECKOUT_SESSION_ID}}",
        "cancel_url": addresses.portal_link(vendor, "Plans"),
        "locale": _locale(language),
        "metadata": ids,
    }
    if order.mode == "subscription":
        data: dict[str, Any] = {"metadata": {**ids, TEMPORARY: NO_KEY_YET}}
        return params | {"subscription_data": data | ({"trial_period_days": trial_days} if trial_days else {})}
    invoice = {"enabled": True, "invoice_data": {"metadata": ids}}
    return params | {"payment_intent_data": {"metadata": ids}, "invoice_creation": invoice}


def make(connection: gateway.Connection, order: Ordered, params: dict[str, Any]) -> gateway.SessionRead:
    """The order's page to pay on; with no transaction open. The same order and attempt always give the same page."""
    return gateway.create_session(connection, params, f"skm:co:{order.id}:{order.attempt}")


def look(connection: gateway.Connection, order: Ordered, stripe_customer_id: str) -> gateway.SessionRead | None:
    """The order's checkout as Stripe has it, or None; with no transaction open. Raises the gateway's errors.

    Where its id was lost on the way, it is found among the customer's by our id in its metadata.
    """
    if order.session_id:
        try:
            return gateway.find_session(connection, order.session_id)
        except gateway.Refused:
            return None
    if not stripe_customer_id:
        return None
    listed = gateway.list_sessions_of(connection, stripe_customer_id)
    mine = [session for session in listed if session.metadata.get("latchkey_order") == order.id]
    by_state = {session.status: session for session in reversed(mine)}
    return by_state.get("complete") or by_state.get("open") or by_state.get("expired")


def is_fresh(order: Ordered) -> bool:
    """Whether the stored address was handed out a moment ago."""
    return bool(order.session_url and order.checked_at and clock.now() - order.checked_at < JUST_NOW)


def is_old(order: Ordered) -> bool:
    """Whether Stripe may have forgotten the idempotency keys of the order."""
    return clock.now() - order.created_at > KEYS_KEPT


def _customer(customers: Sequence[StandingCustomer], asked: str) -> StandingCustomer:
    mine = {str(one.id): one for one in customers}
    if asked and asked not in mine:
        raise NotFound(_("There is no such customer."))
    if not asked and len(customers) > 1:
        raise SeveralCustomers(_("Choose whom you buy for."))
    return mine[asked] if asked else customers[0]


def _quantity(text: str) -> int:
    text = text.strip() or "1"
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= MOST):
        raise Invalid(_("Type a whole number from 1 to %(most)s.", most=MOST), field="quantity")
    return int(text)


def _waiting(vendor_id: int, wish: Wish) -> str:
    mine = select(Order.id).filter_by(
        vendor_id=vendor_id, customer_id=wish.customer_id, price_id=wish.price_id, state=orders.WAITING
    )
    return db.session.scalar(mine.order_by(Order.created_at.desc()).limit(1)) or ""


def _locale(language: str) -> str:
    base = language.split("-", maxsplit=1)[0]
    return language if language in LOCALES else base if base in LOCALES else "auto"
