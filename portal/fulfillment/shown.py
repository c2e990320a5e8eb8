"""What a customer is shown of what they bought: the keys of a purchase, and which plans they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from portal import clock
from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.states import MONEY_WENT_BACK
from portal.licenses.models import License, Product

TRIAL = "trial"


@dataclass(frozen=True)
class KeyShown:
    """A key of a purchase."""

    global_id: int
    product: str
    key: str
    is_blocked: bool


def keys_of(vendor_id: int, stripe_id: str, customer_ids: Collection[int]) -> list[KeyShown]:
    """The keys that a purchase pays for, as far as they belong to these customers; oldest first."""
    if not stripe_id:
        return []
    license = and_(License.vendor_id == PaidUnit.vendor_id, License.global_id == PaidUnit.license_global_id)
    product = and_(Product.vendor_id == License.vendor_id, Product.id == License.product_id)
    found = (
        select(License.global_id, Product.name, License.key, License.block)
        .select_from(PaidUnit)
        .join(License, license)
        .join(Product, product)
        .where(PaidUnit.vendor_id == vendor_id, PaidUnit.stripe_id == stripe_id, License.customer_id.in_(customer_ids))
        .order_by(PaidUnit.id)
    )
    return [KeyShown(*row) for row in db.session.execute(found)]


def plans_had(vendor_id: int, customer_ids: Collection[int]) -> Counter[str]:
    """How many keys these customers have now, by the id of the price that pays for them."""
    purchase = and_(Purchase.vendor_id == PaidUnit.vendor_id, Purchase.stripe_id == PaidUnit.stripe_id)
    found = (
        select(PaidUnit.price_id)
        .join(Purchase, purchase)
        .where(
            PaidUnit.vendor_id == vendor_id,
            Purchase.customer_id.in_(customer_ids),
            PaidUnit.blocked_because == "",
            or_(PaidUnit.paid_until.is_(None), PaidUnit.paid_until > clock.now()),
        )
    )
    return Counter(db.session.scalars(found))


def blocked_because(vendor_id: int, customer_ids: Collection[int]) -> dict[int, str]:
    """Why licenses of these customers are blocked, by GlobalId; empty where something still pays for them."""
    unit = and_(PaidUnit.vendor_id == License.vendor_id, PaidUnit.license_global_id == License.global_id)
    found = (
        select(License.global_id, func.min(PaidUnit.blocked_because))
        .join(PaidUnit, unit)
        .where(License.vendor_id == vendor_id, License.customer_id.in_(customer_ids), License.block)
        .group_by(License.global_id)
    )
    return {row[0]: row[1] for row in db.session.execute(found)}


def outcomes_of(vendor_id: int, customer_ids: Collection[int]) -> dict[str, str]:
    """What became of the money for purchases of these customers: refunded, disputed, or trial while nothing is due."""
    unit = and_(PaidUnit.vendor_id == Purchase.vendor_id, PaidUnit.stripe_id == Purchase.stripe_id)
    went_back = or_(Purchase.reason.in_(MONEY_WENT_BACK), PaidUnit.blocked_because.in_(MONEY_WENT_BACK))
    found = (
        select(Purchase.stripe_id, Purchase.reason, PaidUnit.blocked_because)
        .outerjoin(PaidUnit, unit)
        .where(
            Purchase.vendor_id == vendor_id,
            Purchase.customer_id.in_(customer_ids),
            or_(went_back, Purchase.status == "trialing"),
        )
    )
    # A purchase that was refunded and then ended keeps its first reason on its units.
    return {
        row[0]: next((why for why in row[1:] if why in MONEY_WENT_BACK), TRIAL) for row in db.session.execute(found)
    }
