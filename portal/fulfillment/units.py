"""One paid unit and its license: make it, adopt it, move its end, and bring it to its plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from portal import clock
from portal.audit import service as audit
from portal.extensions import db
from portal.fulfillment import blocking, seeds
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.plans import Entitlement
from portal.licenses import keys
from portal.licenses import service as licenses
from portal.licenses.models import FEATURES, License, Product
from portal.vendors.models import Vendor

# Made once: building such statements costs more than running them.
_LOCKED = (
    select(License)
    .where(License.vendor_id == bindparam("vendor_id"), License.global_id == bindparam("global_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_SAME_KEY = select(License).where(
    License.vendor_id == bindparam("vendor_id"),
    License.product_id == bindparam("product_id"),
    License.key == bindparam("key"),
)


@dataclass
class Change:
    """What happened to a unit: issued, adopted (theirs before: no news), extended, blocked or restored."""

    kind: str
    unit: PaidUnit
    license: License
    because: str = ""


def license_of(unit: PaidUnit) -> License:
    """The license of a unit, as it is now and nobody else's to change until our commit."""
    return db.session.scalars(_LOCKED, {"vendor_id": unit.vendor_id, "global_id": unit.license_global_id}).one()


def make(
    vendor: Vendor,
    purchase: Purchase,
    entitlement: Entitlement,
    ordinal: int,
    adopted: License | None,
    grace: timedelta,
) -> Change:
    """A new unit with its license: an adopted one, or a new one with its derived key."""
    unit = PaidUnit(
        vendor_id=vendor.id,
        stripe_id=purchase.stripe_id,
        source=entitlement.line.source,
        ordinal=ordinal,
        generation=0,
        price_id=entitlement.line.price_id,
        blocked_because="",
        is_adopted=adopted is not None,
    )
    license = adopted or _license(vendor, purchase, entitlement, unit, grace)
    was_theirs = adopted is not None and adopted.customer_id is not None
    if license.customer_id is None:
        license.customer_id = purchase.customer_id
    unit.license_global_id = license.global_id
    db.session.add(unit)
    extend(unit, license, entitlement.line.paid_until, grace)
    db.session.flush()
    blocking.open_again(unit, license)
    return Change("adopted" if was_theirs else "issued", unit, license)


def _license(vendor: Vendor, purchase: Purchase, entitlement: Entitlement, unit: PaidUnit, grace: timedelta) -> License:
    plan, product = entitlement.plan, entitlement.product
    key, made_before = _derived(vendor, product, unit)
    until = entitlement.line.paid_until
    return made_before or licenses.create_license(
        vendor,
        product,
        customer_id=purchase.customer_id,
        # At least a day: a period of 0 would make it perpetual.
        period=max(1, (until - clock.now()).days) if until else plan.period,
        max_no_of_machines=entitlement.max_no_of_machines,
        features=plan.features,
        notes=plan.notes,
        trial_activation=plan.trial_activation,
        block=plan.block,
        allowed_machines=plan.allowed_machines,
        key=key,
        expires_at=until + grace if until else None,
    )


def _derived(vendor: Vendor, product: Product, unit: PaidUnit) -> tuple[str, License | None]:
    """A unit's key, and its license where it was made before. While another unit pays for that one, it is the next."""
    seed = seeds.seed_of(vendor.id)
    while True:
        key = keys.derived_key(seed, product.id, unit.source, unit.ordinal, unit.generation)
        license = db.session.scalar(_SAME_KEY, {"vendor_id": vendor.id, "product_id": product.id, "key": key})
        if license is None or not blocking.is_paid_for(license):
            return key, license
        unit.generation += 1


def another_key(
    vendor: Vendor, purchase: Purchase, unit: PaidUnit, entitlement: Entitlement, grace: timedelta
) -> Change:
    """A key of its own for a unit whose license another purchase pays for meanwhile."""
    unit.generation += 1
    unit.blocked_because, unit.is_adopted = "", False
    license = _license(vendor, purchase, entitlement, unit, grace)
    unit.license_global_id = license.global_id
    extend(unit, license, entitlement.line.paid_until, grace)
    return Change("issued", unit, license)


def extend(unit: PaidUnit, license: License, paid_until: datetime | None, grace: timedelta) -> bool:
    """Move the end to what was paid, never earlier. Whether more was paid, and the license runs longer by it."""
    if paid_until is None:
        return False
    is_more = unit.paid_until is None or paid_until > unit.paid_until
    unit.paid_until = max(paid_until, unit.paid_until or paid_until)
    end = paid_until + grace
    if end <= license.expires_at:
        return False
    before, license.expires_at = license.expires_at, end
    audit.record(
        unit.vendor_id,
        "license.extend",
        f"license:{license.global_id}",
        before={"expires_at": before},
        after={"expires_at": end},
    )
    return is_more


def follow_plan(unit: PaidUnit, license: License, entitlement: Entitlement) -> None:
    """Bring a unit's license to the plan and quantity it is paid for now. What the plan leaves open stays."""
    plan, price_id = entitlement.plan, entitlement.line.price_id
    is_another_plan = bool(price_id) and unit.price_id != price_id
    if is_another_plan:
        unit.price_id = price_id
        for name in FEATURES if plan.features else ():
            setattr(license, name, plan.features.get(name, False))
    if entitlement.line.is_certain and (is_another_plan or plan.quantity == "machines"):
        license.max_no_of_machines = entitlement.max_no_of_machines
