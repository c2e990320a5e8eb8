"""Keys that a purchase names in its metadata, by hand or by us: adopted where they are valid, never doubled."""

from __future__ import annotations

import re

from sqlalchemy import select

from portal.billing.links import INSTANCE, TEMPORARY, number_in
from portal.extensions import db
from portal.fulfillment import seeds
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.plans import Entitlement
from portal.licenses.models import License

ADOPTED = "latchkey_adopted"  # the adopted ones among the keys that we have written down
NUMBERS = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


def named_key(purchase: Purchase, facts: Facts, entitlement: Entitlement, position: int) -> License | None:
    """The license that the metadata names for the unit at this position of the purchase, if it may be adopted.

    It must be of the plan's product, belong to nobody else, and not stand for another unit that is paid for.
    """
    for license in _candidates(purchase.vendor_id, facts, entitlement, position):
        is_theirs = license.customer_id in (None, purchase.customer_id)
        if is_theirs and license.product_id == entitlement.product.id and not _is_taken(license, purchase):
            return license
    return None


def names_a_key(facts: Facts, purchase: Purchase) -> bool:
    """Whether somebody made the metadata point at a key, other than ourselves."""
    is_ours = _is_written_by_us(purchase.vendor_id, facts)
    return not is_ours and any(facts.metadata.get(name, "").strip() for name in ("skm_key_id", "skm_key_globalid"))


def _candidates(vendor_id: int, facts: Facts, entitlement: Entitlement, position: int) -> list[License]:
    if _is_written_by_us(vendor_id, facts):
        # A key that we made comes back by itself, as it was; in a restored database its number may be another key's.
        adopted = NUMBERS.findall(facts.metadata.get(ADOPTED, ""))
        known = [db.session.get(License, (vendor_id, int(number))) for number in adopted if int(number) < 2**31]
        return [license for license in known if license is not None]
    listed = NUMBERS.findall(facts.metadata.get("latchkey_keys", ""))
    global_id = number_in(facts.metadata, "skm_key_globalid")
    key_id = number_in(facts.metadata, "skm_key_id")
    numbers = [int(listed[position])] if position < len(listed) else []
    numbers += [global_id] if global_id and position == 0 else []
    found = [db.session.get(License, (vendor_id, number)) for number in numbers if number < 2**31]
    if key_id and position == 0:
        by_id = select(License).filter_by(vendor_id=vendor_id, product_id=entitlement.product.id, id=key_id)
        found.append(db.session.scalar(by_id))
    return [license for license in found if license is not None]


def _is_written_by_us(vendor_id: int, facts: Facts) -> bool:
    """Whether the key was written back here. What our checkout sells carries our mark before that: we write both
    numbers at once, and take the placeholder away.
    """
    has_all = TEMPORARY not in facts.metadata and {"skm_key_id", "skm_key_globalid"} <= facts.metadata.keys()
    return has_all and facts.metadata.get(INSTANCE) == seeds.instance_of(vendor_id)


def _is_taken(license: License, purchase: Purchase) -> bool:
    """A key of a purchase that has ended may go on under a new one; within one purchase every unit has its own."""
    units = select(PaidUnit.id).where(
        PaidUnit.vendor_id == license.vendor_id,
        PaidUnit.license_global_id == license.global_id,
        (PaidUnit.blocked_because == "") | (PaidUnit.stripe_id == purchase.stripe_id),
    )
    return db.session.scalar(units.limit(1)) is not None
