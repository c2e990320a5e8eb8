"""What the billing page shows: per customer, whether there is something to manage, and every subscription."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy import and_, select

from portal.billing.models import StripeAccount, StripeCustomer, Subscription
from portal.billing.told import Facts, Reading, Told, tell
from portal.billing.words import why_blocked
from portal.customers.service import labels
from portal.extensions import db
from portal.licenses.models import License, Product
from portal.licenses.states import is_expired, is_time_limited
from portal.terms.service import StandingCustomer
from portal.vendors.service import VendorProfile

API, LOGIN_LINK, NOTHING = "api", "login_link", "nothing"


@dataclass(frozen=True)
class Paid:
    """A subscription with the product and number of the license it pays; both empty while there is none.

    why: why that license is blocked, where it is known. is_blocked: whether it is.
    """

    told: Told
    product: str
    global_id: int | None
    why: str = ""
    is_blocked: bool = False


@dataclass(frozen=True)
class Part:
    """One customer's billing. mode: `api`, `login_link`, or `nothing` to manage. email: where Stripe mails to."""

    id: int
    name: str
    mode: str
    email: str
    subscriptions: list[Paid]


def find(
    vendor: VendorProfile,
    customers: Sequence[StandingCustomer],
    visitor_email: str,
    reading: Reading,
    blocked_because: Mapping[int, str] | None = None,
) -> list[Part]:
    """The visitor's customers with their subscriptions, newest first: two queries.

    blocked_because: why licenses are blocked, by GlobalId.
    """
    because = blocked_because or {}
    ids = [customer.id for customer in customers]
    account, linked = _account(vendor, ids)
    paid: dict[int, list[Paid]] = {}
    if account is not None:
        for subscription, license, product in _subscriptions(vendor, ids, account.livemode):
            told = _paid(subscription, license, product, reading, because)
            paid.setdefault(subscription.customer_id, []).append(told)
    parts, names = [], labels(customers)
    for customer in customers:
        found = paid.get(customer.id, [])
        counterpart = linked.get(customer.id)
        mode = _mode(vendor, account, counterpart is not None or bool(found))
        email = (counterpart.email if counterpart else "") or customer.email or visitor_email
        parts.append(Part(customer.id, names[customer.id], mode, email, found))
    return parts


def _mode(vendor: VendorProfile, account: StripeAccount | None, has_counterpart: bool) -> str:
    if account is not None and account.api_key:
        return API if has_counterpart else NOTHING
    return LOGIN_LINK if vendor.switches.portal_login_link else NOTHING


def _account(vendor: VendorProfile, ids: list[int]) -> tuple[StripeAccount | None, dict[int, StripeCustomer]]:
    counterpart = and_(
        StripeCustomer.vendor_id == StripeAccount.vendor_id,
        StripeCustomer.livemode == StripeAccount.livemode,
        StripeCustomer.customer_id.in_(ids),
        StripeCustomer.state == "linked",
    )
    statement = select(StripeAccount, StripeCustomer).outerjoin(StripeCustomer, counterpart)
    rows = db.session.execute(statement.where(StripeAccount.vendor_id == vendor.id)).all()
    return (rows[0][0] if rows else None), {row[1].customer_id: row[1] for row in rows if row[1] is not None}


def _subscriptions(vendor: VendorProfile, ids: list[int], livemode: bool | None) -> list[tuple]:
    license = and_(
        License.vendor_id == Subscription.vendor_id,
        License.global_id == Subscription.license_global_id,
        License.customer_id == Subscription.customer_id,
    )
    product = and_(Product.vendor_id == License.vendor_id, Product.id == License.product_id)
    statement = (
        select(Subscription, License, Product)
        .outerjoin(License, license)
        .outerjoin(Product, product)
        .where(
            Subscription.vendor_id == vendor.id, Subscription.customer_id.in_(ids), Subscription.livemode == livemode
        )
        .order_by(Subscription.started_at.desc(), Subscription.stripe_id)
    )
    return [tuple(row) for row in db.session.execute(statement)]


_STORED = attrgetter(*Facts._fields[:-2])


def facts_of(subscription: Subscription) -> Facts:
    """The stored facts of a subscription, for telling."""
    return Facts._make((*_STORED(subscription), subscription.ended_at or subscription.cancel_at, 1))


def _paid(
    subscription: Subscription,
    license: License | None,
    product: Product | None,
    reading: Reading,
    because: Mapping[int, str],
) -> Paid:
    facts = facts_of(subscription)
    if license is None or product is None:
        return Paid(tell(facts, reading)._replace(key=""), "", None)
    ends = license.expires_at if _limited(license, product) else None
    why = why_blocked(because.get(license.global_id, ""), reading.locale) if license.block else ""
    told = tell(facts, reading, license.block, expired(license, product, reading), ends, why)
    return Paid(told, product.name, license.global_id, why, license.block)


def expired(license: License, product: Product, reading: Reading) -> bool:
    """Whether a license is over at the moment of the reading."""
    return is_expired(time_limited=_limited(license, product), expires_at=license.expires_at, at=reading.now)


def _limited(license: License, product: Product) -> bool:
    return is_time_limited(
        product.feature_definitions,
        license.active_features,
        all_limited=product.all_licenses_time_limited,
        period=license.period,
    )
