"""Blocks that follow from money, and their end. One that staff set is never lifted here."""

from __future__ import annotations

from sqlalchemy import Select, select

from portal.audit import service as audit
from portal.extensions import db
from portal.fulfillment.models import PaidUnit
from portal.licenses.models import License

STAFF = "staff"  # the license was blocked by somebody else already, so it is not ours to open
MOVED = "moved"  # the item pays for a key of another product now


def block(unit: PaidUnit, license: License, because: str) -> bool:
    """Take the unit away and block its license, unless something else still pays for it. Whether it was open before."""
    if unit.blocked_because:
        return False
    is_shared = _is_paid_elsewhere(unit)
    unit.blocked_because = STAFF if license.block and not _blocked_by_us(unit) else because
    if license.block or is_shared:
        return False
    license.block = True
    _record(unit, "license.block", because)
    return True


def restore(unit: PaidUnit, license: License) -> bool:
    """Lift a block of ours; one that staff set stays. Whether the license was blocked by us."""
    if not unit.blocked_because:
        return False
    before, unit.blocked_because = unit.blocked_because, ""
    if not license.block or before == STAFF:
        return False
    license.block = False
    _record(unit, "license.unblock", before)
    return True


def open_again(unit: PaidUnit, license: License) -> None:
    """Open a license that an ended purchase had paid for, because this unit pays for it now."""
    if license.block and _blocked_by_us(unit):
        license.block = False
        _record(unit, "license.unblock", "paid")


def is_paid_for(license: License) -> bool:
    """Whether a unit that counts pays for a license."""
    mine = (PaidUnit.vendor_id == license.vendor_id, PaidUnit.license_global_id == license.global_id)
    counts = select(PaidUnit.id).where(*mine, PaidUnit.blocked_because == "")
    return db.session.scalar(counts.limit(1)) is not None


def belongs_to_another(unit: PaidUnit) -> bool:
    """Whether the license of a unit that was taken away is paid for by another one meanwhile."""
    return bool(unit.blocked_because) and _is_paid_elsewhere(unit)


def _is_paid_elsewhere(unit: PaidUnit) -> bool:
    return db.session.scalar(_others(unit).where(PaidUnit.blocked_because == "").limit(1)) is not None


def _blocked_by_us(unit: PaidUnit) -> bool:
    mine = PaidUnit.blocked_because.not_in(("", STAFF))
    return db.session.scalar(_others(unit).where(mine).limit(1)) is not None


def _others(unit: PaidUnit) -> Select[int]:
    return select(PaidUnit.id).where(
        PaidUnit.vendor_id == unit.vendor_id,
        PaidUnit.license_global_id == unit.license_global_id,
        PaidUnit.id != unit.id,
    )


def _record(unit: PaidUnit, action: str, because: str) -> None:
    audit.record(
        unit.vendor_id,
        action,
        f"license:{unit.license_global_id}",
        after={"because": because, "paid_by": unit.stripe_id},
    )
