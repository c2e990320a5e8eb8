"""What a customer is shown of what they bought: the keys of a purchase, and which plans they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from portal import clock
from portal.billing.models import Plan, Subscription
from portal.billing.offers import Had, Running
from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.states import MONEY_WENT_BACK
from portal.licenses.models import License, Product

TRIAL = "trial"
OWING = ("past_due", "unpaid")  # Stripe's states of a subscription that another card would still pay
GOES_ON = ("active", "trialing", "paused", *OWING)


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


def plans_had(vendor_id: int, customer_ids: Collection[int]) -> Had:
    """What these customers have now. Of several subscriptions of a product, one that owes something counts."""
    purchase = and_(Purchase.vendor_id == PaidUnit.vendor_id, Purchase.stripe_id == PaidUnit.stripe_id)
    plan = and_(Plan.vendor_id == PaidUnit.vendor_id, Plan.price_id == PaidUnit.price_id)
    works = and_(PaidUnit.blocked_because == "", or_(PaidUnit.paid_until.is_(None), PaidUnit.paid_until > clock.now()))
    owes = and_(Purchase.stripe_id.startswith("sub_"), Purchase.status.in_(OWING))
    found = (
        select(PaidUnit.price_id, works, Plan.stripe_product_id, Purchase.stripe_id, Purchase.status)
        .join(Purchase, purchase)
        .outerjoin(Plan, plan)
        .where(PaidUnit.vendor_id == vendor_id, Purchase.customer_id.in_(customer_ids), or_(works, owes))
        .order_by(PaidUnit.id)
    )
    keys, running = Counter[str](), dict[str, Running]()
    for price_id, counts, product, stripe_id, status in db.session.execute(found):
        keys[price_id] += bool(counts)
        is_running = product and stripe_id.startswith("sub_") and status in GOES_ON
        if is_running and (product not in running or status in OWING):
            running[product] = Running(stripe_id, status in OWING)
    return Had(keys, running)


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
    """What became of the money for purchases of these customers: refunded, disputed, or trial.

    A trial is what nothing was paid for beyond it.
    """
    unit = and_(PaidUnit.vendor_id == Purchase.vendor_id, PaidUnit.stripe_id == Purchase.stripe_id)
    paid = aliased(PaidUnit)
    beyond = select(paid.id).where(
        paid.vendor_id == Purchase.vendor_id,
        paid.stripe_id == Purchase.stripe_id,
        or_(paid.paid_until.is_(None), paid.paid_until > Subscription.trial_end),
    )
    is_trial = and_(Subscription.trial_end.is_not(None), ~beyond.exists())
    went_back = or_(Purchase.reason.in_(MONEY_WENT_BACK), PaidUnit.blocked_because.in_(MONEY_WENT_BACK))
    found = (
        select(Purchase.stripe_id, Purchase.reason, PaidUnit.blocked_because)
        .outerjoin(PaidUnit, unit)
        .outerjoin(
            Subscription,
            and_(Subscription.vendor_id == Purchase.vendor_id, Subscription.stripe_id == Purchase.stripe_id),
        )
        .where(
            Purchase.vendor_id == vendor_id,
            Purchase.customer_id.in_(customer_ids),
            or_(went_back, Purchase.status == "trialing", is_trial),
        )
    )
    # A purchase that was refunded and then ended keeps its first reason on its units.
    return {
        row[0]: next((why for why in row[1:] if why in MONEY_WENT_BACK), TRIAL) for row in db.session.execute(found)
    }
