"""What a customer is shown of what they bought: the keys of a purchase, and which plans they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from portal import clock
from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License, Product


@dataclass(frozen=True)
class KeyShown:
    """A key of a purchase."""

    global_id: int
    product: str
    key: str


def keys_of(vendor_id: int, stripe_id: str, customer_ids: Collection[int]) -> list[KeyShown]:
    """The keys that a purchase pays for, as far as they belong to these customers; oldest first."""
    if not stripe_id:
        return []
    license = and_(License.vendor_id == PaidUnit.vendor_id, License.global_id == PaidUnit.license_global_id)
    product = and_(Product.vendor_id == License.vendor_id, Product.id == License.product_id)
    found = (
        select(License.global_id, Product.name, License.key)
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
