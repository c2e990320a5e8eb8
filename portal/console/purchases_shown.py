"""What somebody has bought, as staff see it: subscriptions, single payments, and orders that wait for a bank."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flask_babel import get_locale
from sqlalchemy import ColumnElement, and_, select

from portal.billing import dashboard, offers, orders
from portal.billing.models import Order, Plan, StripeAccount, Subscription
from portal.billing.words import per_period
from portal.extensions import db
from portal.formatters import money
from portal.fulfillment import bought
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.reconciliation import words
from portal.vendors.service import HasId

MOST, MOST_KEYS = 50, 10


@dataclass(frozen=True)
class Key:
    """A license that a purchase pays for."""

    global_id: int
    key: str


@dataclass(frozen=True)
class Row:
    """One purchase. status: Stripe's own word. href: in Stripe's dashboard. more_keys: how many are not in `keys`."""

    stripe_id: str
    what: str
    state: str
    status: str
    price: str
    paid_until: datetime | None
    href: str
    keys: list[Key] = field(default_factory=list)
    more_keys: int = 0


def of_customer(vendor: HasId, customer_id: int) -> list[Row]:
    """The newest purchases of a customer, with what waits for a bank on top."""
    rows = _rows(vendor, Purchase.customer_id == customer_id, Subscription.customer_id == customer_id)
    known = {row.stripe_id for row in rows}
    return [*_waiting(vendor, customer_id, known), *rows]


def of_license(vendor: HasId, global_id: int) -> list[Row]:
    """The purchases that pay for a license, or have paid for it."""
    units = select(PaidUnit.stripe_id).where(PaidUnit.vendor_id == vendor.id, PaidUnit.license_global_id == global_id)
    return _rows(vendor, Purchase.stripe_id.in_(units), Subscription.license_global_id == global_id)


def _rows(vendor: HasId, of_purchases: ColumnElement[bool], of_subscriptions: ColumnElement[bool]) -> list[Row]:
    newest = select(Purchase).where(Purchase.vendor_id == vendor.id, of_purchases)
    purchases = list(db.session.scalars(newest.order_by(Purchase.first_seen_at.desc()).limit(MOST)))
    mine = select(Subscription).where(Subscription.vendor_id == vendor.id, of_subscriptions)
    found = db.session.scalars(mine.order_by(Subscription.started_at.desc(), Subscription.stripe_id).limit(MOST))
    subscriptions = {one.stripe_id: one for one in found}
    if not purchases and not subscriptions:
        return []
    account_id = db.session.scalar(select(StripeAccount.account_id).where(StripeAccount.vendor_id == vendor.id)) or ""
    units = _units(vendor, [one.stripe_id for one in purchases])
    lines = bought.lines_of(vendor.id, purchases)
    rows = []
    for one in purchases:
        what = ", ".join(f"{line.quantity} × {line.name}" for line in lines[one.stripe_id])
        subscription = subscriptions.pop(one.stripe_id, None)
        rows.append(_row(one, what, subscription, units[one.stripe_id], account_id))
    return rows + [_row(None, "", one, [], account_id) for one in subscriptions.values()]


def _row(
    purchase: Purchase | None,
    what: str,
    subscription: Subscription | None,
    units: Sequence[tuple[PaidUnit, str]],
    account_id: str,
) -> Row:
    one = purchase or subscription
    assert one is not None
    ends = [unit.paid_until for unit, _key in units if unit.paid_until]
    keys = [Key(unit.license_global_id, key) for unit, key in units]
    if not keys and subscription and subscription.license_global_id:
        keys = [Key(subscription.license_global_id, "")]
    return Row(
        stripe_id=one.stripe_id,
        what=what or (subscription.plan_name if subscription else ""),
        state=words.of_purchase(purchase.state) if purchase else "",
        status=one.status,
        price=_price(one, subscription),
        paid_until=max(ends) if ends else (subscription.period_end if subscription else None),
        href=dashboard.page_of(one.stripe_id, account_id=account_id, livemode=one.livemode),
        keys=keys[:MOST_KEYS],
        more_keys=len(keys[MOST_KEYS:]),
    )


def _price(one: Purchase | Subscription, subscription: Subscription | None) -> str:
    """Of one period where it is a subscription, else what was paid."""
    if subscription is not None and subscription.amount_minor is not None:
        each = money(subscription.amount_minor, subscription.currency)
        return per_period(each, subscription.interval, subscription.interval_count, str(get_locale()))
    return money(one.amount_minor, one.currency) if one.amount_minor is not None and one.currency else ""


def _units(vendor: HasId, stripe_ids: Sequence[str]) -> dict[str, list[tuple[PaidUnit, str]]]:
    license = and_(License.vendor_id == PaidUnit.vendor_id, License.global_id == PaidUnit.license_global_id)
    mine = select(PaidUnit, License.key).join(License, license)
    mine = mine.where(PaidUnit.vendor_id == vendor.id, PaidUnit.stripe_id.in_(stripe_ids)).order_by(PaidUnit.id)
    found: dict[str, list[tuple[PaidUnit, str]]] = defaultdict(list)
    for unit, key in db.session.execute(mine) if stripe_ids else ():
        found[unit.stripe_id].append((unit, key))
    return found


def _waiting(vendor: HasId, customer_id: int, known: set[str]) -> list[Row]:
    """Orders that were placed and wait for their money, but for those that are among the purchases."""
    plan = and_(Plan.vendor_id == Order.vendor_id, Plan.price_id == Order.price_id)
    mine = select(Order, Plan).outerjoin(Plan, plan).where(Order.vendor_id == vendor.id)
    mine = mine.where(Order.customer_id == customer_id, Order.state == orders.WAITING)
    return [
        Row(
            stripe_id=order.session_id,
            what=f"{order.quantity} × {offers.name_of(plan)}",
            state=words.of_purchase("waiting"),
            status="",
            price=offers.price_of(plan, str(get_locale())) if plan else "",
            paid_until=None,
            href="",
        )
        for order, plan in db.session.execute(mine.order_by(Order.created_at.desc()).limit(MOST))
        if not known & {order.session_id, order.stripe_id}
    ]
