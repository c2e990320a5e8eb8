"""One paid unit and its license: make it, adopt it, move its end, block it and let it go again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from portal import clock
from portal.audit import service as audit
from portal.extensions import db
from portal.fulfillment import seeds
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.plans import Entitlement
from portal.licenses import keys
from portal.licenses import service as licenses
from portal.licenses.models import License
from portal.vendors.models import Vendor


@dataclass
class Change:
    """What happened to a unit: issued, extended, blocked, restored or moved (to another product)."""

    kind: str
    unit: PaidUnit
    license: License
    because: str = ""


def license_of(unit: PaidUnit) -> License:
    """The license of a unit."""
    return licenses.get(_Owner(unit.vendor_id), unit.license_global_id)


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
    _take(license, purchase)
    unit.license_global_id = license.global_id
    db.session.add(unit)
    extend(unit, license, entitlement.line.paid_until, grace)
    db.session.flush()
    return Change("issued", unit, license)


def _license(vendor: Vendor, purchase: Purchase, entitlement: Entitlement, unit: PaidUnit, grace: timedelta) -> License:
    plan, product = entitlement.plan, entitlement.product
    key = keys.derived_key(seeds.seed_of(vendor.id), product.id, unit.source, unit.ordinal, unit.generation)
    same = select(License).where(License.vendor_id == vendor.id, License.product_id == product.id, License.key == key)
    until = entitlement.line.paid_until
    return db.session.scalar(same) or licenses.create_license(
        vendor,
        product,
        customer_id=purchase.customer_id,
        period=max(0, (until - clock.now()).days) if until else plan.period,
        max_no_of_machines=entitlement.max_no_of_machines,
        features=plan.features,
        notes=plan.notes,
        trial_activation=plan.trial_activation,
        block=plan.block,
        allowed_machines=plan.allowed_machines,
        key=key,
        expires_at=until + grace if until else None,
    )


def _take(license: License, purchase: Purchase) -> None:
    if license.customer_id is None:
        license.customer_id = purchase.customer_id


def extend(unit: PaidUnit, license: License, paid_until: datetime | None, grace: timedelta) -> bool:
    """Move the end to what was paid, never earlier. Whether it moved."""
    if paid_until is None:
        return False
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
    return True


def follow_plan(
    vendor: Vendor, purchase: Purchase, unit: PaidUnit, entitlement: Entitlement, grace: timedelta
) -> Change | None:
    """Bring a unit to the plan and quantity it is paid for now. The key stays, unless the product is another one."""
    license = license_of(unit)
    if license.product_id != entitlement.product.id:
        block(unit, license, "moved")
        unit.generation += 1
        unit.blocked_because, unit.is_adopted = "", False
        moved = _license(vendor, purchase, entitlement, unit, grace)
        unit.license_global_id, unit.price_id = moved.global_id, entitlement.line.price_id
        return Change("issued", unit, moved)
    if unit.price_id != entitlement.line.price_id:
        unit.price_id = entitlement.line.price_id
        for name, is_on in entitlement.plan.features.items():
            setattr(license, name, is_on)
        license.max_no_of_machines = entitlement.max_no_of_machines
    elif entitlement.plan.quantity == "machines":
        license.max_no_of_machines = entitlement.max_no_of_machines
    return None


def block(unit: PaidUnit, license: License, because: str) -> bool:
    """Block the license, unless something else still pays for it. Whether it was open before."""
    if unit.blocked_because:
        return False
    unit.blocked_because = because
    if license.block or _is_paid_elsewhere(unit):
        return False
    license.block = True
    _record(unit, "license.block", because)
    return True


def restore(unit: PaidUnit, license: License) -> bool:
    """Lift a block of ours; one that staff set stays. Whether the license was blocked by us."""
    if not unit.blocked_because:
        return False
    before, unit.blocked_because = unit.blocked_because, ""
    if not license.block:
        return False
    license.block = False
    _record(unit, "license.unblock", before)
    return True


def _is_paid_elsewhere(unit: PaidUnit) -> bool:
    others = select(PaidUnit.id).where(
        PaidUnit.vendor_id == unit.vendor_id,
        PaidUnit.license_global_id == unit.license_global_id,
        PaidUnit.blocked_because == "",
        PaidUnit.id != unit.id,
    )
    return db.session.scalar(others.limit(1)) is not None


def _record(unit: PaidUnit, action: str, because: str) -> None:
    audit.record(
        unit.vendor_id,
        action,
        f"license:{unit.license_global_id}",
        after={"because": because, "paid_by": unit.stripe_id},
    )


@dataclass(frozen=True)
class _Owner:
    id: int
