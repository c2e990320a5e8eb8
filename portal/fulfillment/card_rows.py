"""The rows of the license page: licenses, the subscriptions that pay them, and what waits, in one statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, Text, and_, bindparam, case, cast, func, null, select, type_coerce, union_all

from portal.associate.models import Association
from portal.billing.models import StripeAccount, Subscription
from portal.billing.told import Facts
from portal.fulfillment.models import PaidUnit
from portal.licenses.models import FEATURES, License, Machine, Product
from portal.prepared import Prepared

PAGE = 50
NEWEST = 2**31 - 1


def flag(column: Any) -> Any:
    """A truth value as the database hands it out (0/1 on SQLite), without a conversion per row."""
    return type_coerce(column, Integer)


# The list of customers keeps both databases on the customer's own rows; `+ 0` keeps the order by GlobalId from tempting
# them to walk through all licenses of the vendor instead.
OWN_CUSTOMERS = select(Association.customer_id).where(
    Association.vendor_id == bindparam("vendor_id"), Association.user_id == bindparam("user_id")
)
# What was taken away while its subscription goes on is none of its keys any more.
COUNTS = and_(PaidUnit.blocked_because != "quantity", PaidUnit.blocked_because != "moved")
BECAUSE = case(
    (
        License.block,
        select(func.min(PaidUnit.blocked_because))
        .where(PaidUnit.vendor_id == License.vendor_id, PaidUnit.license_global_id == License.global_id)
        .correlate(License)
        .scalar_subquery(),
    )
).label("because")
_keys = (
    select(func.count(PaidUnit.id))
    .where(PaidUnit.vendor_id == Subscription.vendor_id, PaidUnit.stripe_id == Subscription.stripe_id, COUNTS)
    .correlate(Subscription)
    .scalar_subquery()
)
FACTS = (
    *(getattr(Subscription, name) for name in Facts._fields[:-2]),
    func.coalesce(Subscription.ended_at, Subscription.cancel_at).label("ends_at"),
    case((Subscription.quantity > 1, _keys), else_=1).label("keys"),
)
MODE = select(StripeAccount.livemode).where(StripeAccount.vendor_id == bindparam("vendor_id")).scalar_subquery()
_newest = (
    select(License.vendor_id, License.customer_id, License.global_id)
    .where(
        License.vendor_id == bindparam("vendor_id"),
        License.customer_id.in_(OWN_CUSTOMERS),
        License.global_id + 0 < bindparam("before"),
    )
    .order_by((License.global_id + 0).desc())
    .limit(PAGE + 1)
    .cte("newest")
)
_machines = (
    select(func.count(Machine.number))
    .where(Machine.vendor_id == License.vendor_id, Machine.global_id == License.global_id)
    .correlate(License)
    .scalar_subquery()
)
_LICENSE = (
    License.customer_id,
    License.global_id,
    Product.name,
    License.key,
    License.expires_at,
    License.period,
    flag(License.block),
    flag(License.trial_activation),
    License.max_no_of_machines,
    _machines.label("machines"),
    flag(Product.all_licenses_time_limited),
    cast(Product.feature_definitions, Text),
    *(flag(getattr(License, name)) for name in FEATURES),
    BECAUSE,
)
_with_license = (
    select(*_LICENSE, *FACTS)
    .select_from(_newest)
    .join(License, and_(License.vendor_id == bindparam("vendor_id"), License.global_id == _newest.c.global_id))
    .join(Product, and_(Product.vendor_id == License.vendor_id, Product.id == License.product_id))
    .outerjoin(
        Subscription,
        and_(
            Subscription.vendor_id == License.vendor_id,
            Subscription.license_global_id == License.global_id,
            Subscription.customer_id == License.customer_id,
            Subscription.livemode == MODE,
        ),
    )
)
_without_license = select(Subscription.customer_id, *(null() for _ in _LICENSE[1:]), *FACTS).where(
    Subscription.vendor_id == bindparam("vendor_id"),
    Subscription.customer_id.in_(OWN_CUSTOMERS),
    Subscription.license_global_id.is_(None),
    Subscription.livemode == MODE,
    bindparam("before") == NEWEST,
)
# The other keys of a subscription that pays for several: it is linked to the first one. The vendor comes from
# the newest licenses: named by itself, it tempts SQLite to begin with all units of the vendor.
_shared = (
    select(_newest.c.customer_id, _newest.c.global_id, *(null() for _ in _LICENSE[2:]), *FACTS)
    .select_from(_newest)
    .join(PaidUnit, and_(PaidUnit.vendor_id == _newest.c.vendor_id, PaidUnit.license_global_id == _newest.c.global_id))
    .join(
        Subscription,
        and_(Subscription.vendor_id == PaidUnit.vendor_id, Subscription.stripe_id == PaidUnit.stripe_id),
    )
    .where(
        COUNTS,
        Subscription.customer_id == _newest.c.customer_id,
        Subscription.license_global_id != _newest.c.global_id,
        Subscription.livemode == MODE,
    )
)
CARDS = Prepared(union_all(_with_license, _without_license, _shared))
WIDTH, KEY = len(_LICENSE), 3
