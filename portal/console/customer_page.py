"""Everything the page about one customer shows: link, accounts, requests, licenses, Stripe, terms, history."""

from __future__ import annotations

from typing import Any

from flask import session
from sqlalchemy import select

from portal import crypto
from portal.associate import links
from portal.associate import service as associate
from portal.audit import service as audit
from portal.billing import service as billing
from portal.billing.models import StripeCustomer
from portal.console import purchases_shown
from portal.customers.models import Customer
from portal.extensions import db
from portal.fulfillment import references
from portal.licenses import desk
from portal.terms.models import TermsAcceptance
from portal.vendors.service import VendorProfile

HISTORY = 20


def facts(vendor: VendorProfile, customer: Customer) -> dict[str, Any]:
    """Values for `console/customers/edit.html`, in a fixed number of queries."""
    link = links.personal_link(vendor, customer)
    accounts = associate.list_users(vendor, customer)
    return {
        "link": link,
        "qr": links.qr_svg(link) if link else None,
        "link_ends": links.personal_expiry(vendor, customer),
        "accounts": accounts,
        "requests": [note for note in associate.list_requests(vendor) if note.customer_id == customer.id],
        "licenses": _licenses(vendor, customer),
        "purchases": purchases_shown.of_customer(vendor, customer.id),
        "reference": references.reference_of(vendor.id, customer.id),
        "stripe_customers": _stripe_customers(vendor, customer),
        "acceptance": _last_acceptance(vendor, [user.id for _bound, user in accounts]),
        "history": audit.list_for(vendor, record=f"customer:{customer.id}", limit=HISTORY),
        "secret": take_secret(customer),
    }


def _licenses(vendor: VendorProfile, customer: Customer) -> list[tuple[Any, ...]]:
    rows = desk.list_of_customer(vendor, customer.id)
    paid = billing.with_subscription(vendor, [license.global_id for license, _product, _machines in rows])
    return [
        (
            license,
            product,
            machines,
            desk.badges(license, product, subscription=license.global_id in paid),
            desk.is_time_limited(license, product),
        )
        for license, product, machines in rows
    ]


def keep_secret(customer: Customer, secret: str) -> None:
    """Let the next page about this customer show a secret, once; sealed until then."""
    session["shown_once"] = [customer.id, crypto.seal(secret, _place(customer))]


def take_secret(customer: Customer) -> str | None:
    """The secret kept for this page, or None; a second look finds nothing."""
    kept = session.get("shown_once")
    if not kept or kept[0] != customer.id:
        return None
    session.pop("shown_once")
    try:
        return crypto.open_sealed(kept[1], _place(customer))
    except crypto.SealBroken:
        return None


def _place(customer: Customer) -> str:
    return f"customer:{customer.vendor_id}:{customer.id}:secret"


def _stripe_customers(vendor: VendorProfile, customer: Customer) -> list[StripeCustomer]:
    mine = (StripeCustomer.vendor_id == vendor.id) & (StripeCustomer.customer_id == customer.id)
    return list(db.session.scalars(select(StripeCustomer).where(mine, StripeCustomer.stripe_id.is_not(None))))


def _last_acceptance(vendor: VendorProfile, user_ids: list[int]) -> TermsAcceptance | None:
    mine = (TermsAcceptance.vendor_id == vendor.id) & TermsAcceptance.user_id.in_(user_ids)
    return db.session.scalar(select(TermsAcceptance).where(mine).order_by(TermsAcceptance.id.desc()).limit(1))
