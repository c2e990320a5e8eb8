"""What staff do with a license by hand: change, block and extend it; and a customer's licenses at a glance."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from portal import clock
from portal.audit import service as audit
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.licenses import states
from portal.licenses.models import FEATURES, License, Machine, Product
from portal.vendors.service import HasId

MOST_DAYS, MOST_NOTES, MOST_MACHINES = 3650, 10_000, 2**31 - 1


def list_of_customer(vendor: HasId, customer_id: int, limit: int = 100) -> list[tuple[License, Product, int]]:
    """A customer's licenses with product and number of machines, newest first."""
    machines = (
        select(func.count(Machine.number))
        .where(Machine.vendor_id == License.vendor_id, Machine.global_id == License.global_id)
        .correlate(License)
        .scalar_subquery()
    )
    statement = (
        select(License, Product, machines)
        .join(Product, (Product.vendor_id == License.vendor_id) & (Product.id == License.product_id))
        .where(License.vendor_id == vendor.id, License.customer_id == customer_id)
        .order_by(License.global_id.desc())
        .limit(limit)
    )
    return [(license, product, count) for license, product, count in db.session.execute(statement)]


def list_machines(vendor: HasId, license: License, limit: int = 200) -> list[Machine]:
    """The machines of a license, last seen first."""
    mine = (Machine.vendor_id == vendor.id) & (Machine.global_id == license.global_id)
    return list(db.session.scalars(select(Machine).where(mine).order_by(Machine.last_seen_at.desc()).limit(limit)))


def badges(license: License, product: Product, *, subscription: bool) -> list[tuple[str, str]]:
    """What staff see beside a key: name and kind of badge. subscription: linked to one that has not ended."""
    active = [name for name in FEATURES if getattr(license, name)]
    definitions = product.feature_definitions
    limited = is_time_limited(license, product)
    shown = []
    if states.is_trial(definitions, active, trial_activation=license.trial_activation):
        shown.append((_("Trial license"), "warning"))
    if subscription:
        shown.append((_("Subscription"), "info"))
    if states.is_expired(time_limited=limited, expires_at=license.expires_at, at=clock.now()):
        shown.append((_("Expired"), "danger"))
    if license.block:
        shown.append((_("Blocked"), "danger"))
    return shown if limited else [*shown, (_("Perpetual"), "")]


def is_time_limited(license: License, product: Product) -> bool:
    """Whether the license ends at all."""
    active = [name for name in FEATURES if getattr(license, name)]
    return states.is_time_limited(
        product.feature_definitions, active, all_limited=product.all_licenses_time_limited, period=license.period
    )


def edit(vendor: HasId, license: License, *, notes: str, max_no_of_machines: int, features: dict[str, bool]) -> bool:
    """Change notes, machines and features; returns whether anything changed. Raises Invalid with the field's name."""
    if len(notes) > MOST_NOTES:
        raise Invalid(_("Please use at most %(limit)s characters.", limit=MOST_NOTES), field="notes")
    if not 0 <= max_no_of_machines <= MOST_MACHINES:
        raise Invalid(_("Type a number of machines; 0 is no limit."), field="max_no_of_machines")
    before = _facts(license)
    license.notes, license.max_no_of_machines = notes, max_no_of_machines
    for name, on in features.items():
        if name not in FEATURES:
            raise ValueError(f"There is no feature {name!r}.")
        setattr(license, name, on)
    return _record(vendor, license, "license.edit", before)


def set_block(vendor: HasId, license: License, block: bool) -> None:
    """Block a license, so that it activates no longer, or let it work again."""
    before = _facts(license)
    license.block = block
    _record(vendor, license, "license.block" if block else "license.unblock", before)


def extend(vendor: HasId, license: License, product: Product, days: int) -> None:
    """Move the expiry later, from the stored one, or from now when that has passed.

    days: 1 to 3650. Raises Invalid, or Conflict for a license that never ends.
    """
    if not is_time_limited(license, product):
        raise Conflict(_("A perpetual license does not end, so there is nothing to extend."))
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(_("Type a number of days from 1 to %(most)s.", most=MOST_DAYS), field="days")
    before = _facts(license)
    license.expires_at = max(license.expires_at, clock.now()) + timedelta(days=days)
    _record(vendor, license, "license.extend", before)


def _record(vendor: HasId, license: License, action: str, before: dict[str, Any]) -> bool:
    after = _facts(license)
    if before == after:
        return False
    audit.record(vendor.id, action, f"license:{license.global_id}", before=before, after=after)
    return True


def _facts(license: License) -> dict[str, Any]:
    plain = ("notes", "max_no_of_machines", "block", "expires_at", *FEATURES)
    return {name: getattr(license, name) for name in plain}
