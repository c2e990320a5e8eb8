"""Whose a purchase is: what we know, then what we wrote, then what others wrote. Never by an e-mail address alone."""

from __future__ import annotations

from sqlalchemy import select

from portal import email_addresses
from portal.account.models import User
from portal.billing import orders
from portal.billing.links import number_in
from portal.billing.models import Order, StripeCustomer
from portal.customers.models import Customer
from portal.extensions import db
from portal.fulfillment import references, seeds
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import Purchase
from portal.fulfillment.order_states import order_of
from portal.licenses.models import License


def find_owner(vendor_id: int, purchase: Purchase, facts: Facts) -> int | None:
    """The customer a purchase belongs to, or None: then it is unclaimed."""
    if purchase.customer_id is not None:
        return purchase.customer_id
    return (
        orders.customer_of(vendor_id, order_of(facts), facts.livemode)
        or _customer(vendor_id, number_in(facts.metadata, "skm_customer_id"))
        or _of_our_checkout(vendor_id, facts)
        or _of_reference(vendor_id, facts)
        or _counterpart(vendor_id, facts)
        or _customer(vendor_id, number_in(facts.customer_metadata, "skm_customer_id"))
        or _of_named_key(vendor_id, facts)
    )


def _of_our_checkout(vendor_id: int, facts: Facts) -> int | None:
    """Only a checkout that we have made may name a customer: what a link carries is for every buyer."""
    if facts.session_metadata.get("latchkey_instance") != seeds.instance_of(vendor_id):
        return None
    return _customer(vendor_id, number_in(facts.session_metadata, "skm_customer_id"))


def _of_reference(vendor_id: int, facts: Facts) -> int | None:
    """Whom `client_reference_id` names: by an order of ours, or by the reference on the customer's page.

    Whoever spreads a link can write either there: a claim and no proof. It counts where the payer gave an address of
    whom it names, and the Stripe customer is nobody else's. Otherwise a stranger would get what others pay for.
    """
    named = _by_order(vendor_id, facts) or _by_customer(vendor_id, facts)
    return named if named and _counterpart(vendor_id, facts) in (None, named) else None


def _by_order(vendor_id: int, facts: Facts) -> int | None:
    """The order must be for one of the prices bought."""
    order = db.session.get(Order, (vendor_id, facts.reference)) if 0 < len(facts.reference) <= 40 else None
    if order is None or order.livemode != facts.livemode:
        return None
    if order.price_id not in {line.price_id for line in facts.lines}:
        return None
    user = db.session.get(User, order.user_id) if order.user_id else None
    return order.customer_id if _is_payer(facts, _record(vendor_id, order.customer_id), user) else None


def _by_customer(vendor_id: int, facts: Facts) -> int | None:
    named = _record(vendor_id, references.customer_in(vendor_id, facts.reference))
    return named.id if named and _is_payer(facts, named) else None


def _is_payer(facts: Facts, *people: Customer | User | None) -> bool:
    """Whether the payer gave the address of one of them."""
    payer = email_addresses.find(facts.email)
    return payer is not None and payer.key in {one.email_key for one in people if one is not None}


def _customer(vendor_id: int, customer_id: int | None) -> int | None:
    found = _record(vendor_id, customer_id)
    return found.id if found else None


def _record(vendor_id: int, customer_id: int | None) -> Customer | None:
    return db.session.get(Customer, (vendor_id, customer_id)) if customer_id else None


def _counterpart(vendor_id: int, facts: Facts) -> int | None:
    mine = select(StripeCustomer.customer_id).where(
        StripeCustomer.vendor_id == vendor_id,
        StripeCustomer.stripe_id == facts.stripe_customer_id,
        StripeCustomer.livemode == facts.livemode,
    )
    return db.session.scalar(mine) if facts.stripe_customer_id else None


def _of_named_key(vendor_id: int, facts: Facts) -> int | None:
    """The owner of the key that somebody typed in: by its GlobalId, or by its number within the product bought."""
    global_id, key_id = number_in(facts.metadata, "skm_key_globalid"), number_in(facts.metadata, "skm_key_id")
    found = db.session.get(License, (vendor_id, global_id)) if global_id else None
    if found is None and key_id:
        numbers = [number_in({"id": line.product}, "id") for line in facts.lines]
        products = [number for number in numbers if number]
        mine = select(License).where(License.vendor_id == vendor_id, License.id == key_id)
        found = db.session.scalar(mine.where(License.product_id.in_(products)).limit(1))
    return found.customer_id if found else None
