"""What the facts of a purchase mean for its units: which are made, which follow, which are taken away."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, select

from portal import clock
from portal.extensions import db
from portal.fulfillment import adopting, blocking, oddities, states, units
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.plans import Entitlement
from portal.fulfillment.units import Change
from portal.licenses.models import License
from portal.vendors import service as vendors
from portal.vendors.models import Vendor

QUANTITY = "quantity"  # why a key is blocked: fewer are paid for
_UNITS = (
    select(PaidUnit)
    .where(PaidUnit.vendor_id == bindparam("vendor_id"), PaidUnit.stripe_id == bindparam("stripe_id"))
    .order_by(PaidUnit.id)
)


def units_of(purchase: Purchase) -> list[PaidUnit]:
    """The units of a purchase, oldest first."""
    return list(db.session.scalars(_UNITS, {"vendor_id": purchase.vendor_id, "stripe_id": purchase.stripe_id}))


def serve(vendor: Vendor, purchase: Purchase, facts: Facts, entitled: list[Entitlement]) -> list[Change]:
    """Make what is missing and follow plan, quantity and period of what is there."""
    if facts.effect in (states.WAIT, states.END):
        return []
    serving = _Serving(vendor, purchase, facts)
    paid = [one for one in entitled if one.line.is_paid and one.line.source]
    places = [(one, ordinal) for one in paid for ordinal in range(one.keys)]
    return [change for position, place in enumerate(places) for change in serving.serve(*place, position)]


class _Serving:
    """One purchase while it is served. spare: units whose item is gone, those that still work first."""

    def __init__(self, vendor: Vendor, purchase: Purchase, facts: Facts) -> None:
        self.vendor, self.purchase, self.facts = vendor, purchase, facts
        self.grace = timedelta(days=vendors.switches_of(vendor).grace_days)
        self.there = {(unit.source, unit.ordinal): unit for unit in units_of(purchase)}
        sources = {line.source for line in facts.lines}
        gone = [unit for unit in self.there.values() if unit.source not in sources and facts.has_all_lines]
        self.is_all_gone = len(gone) == len(self.there)
        self.spare = sorted(gone, key=lambda unit: (unit.blocked_because != "", unit.source, unit.ordinal))

    def serve(self, entitlement: Entitlement, ordinal: int, position: int) -> list[Change]:
        """One unit: as it stands, or taken over from an item that was replaced, or new."""
        unit = self.there.get((entitlement.line.source, ordinal))
        left: list[Change] = []
        if entitlement.line.is_gone and not self._stands(unit):
            return []
        if unit is not None:
            license = units.license_of(unit)
            if license.product_id == entitlement.product.id:
                return self._follow(unit, entitlement)
            left = self._move_away(unit, license)
        moved = self._spare(entitlement, ordinal)
        if moved is not None:
            return left + self._follow(moved, entitlement)
        named = adopting.named_key(self.purchase, self.facts, entitlement, position)
        if named is None and position == 0 and not self.there and adopting.names_a_key(self.facts, self.purchase):
            self.purchase.notice = self.purchase.notice or oddities.NOT_ADOPTED
        return [*left, units.make(self.vendor, self.purchase, entitlement, ordinal, named, self.grace)]

    def _stands(self, unit: PaidUnit | None) -> bool:
        """Whether an item that is gone still stands for its key: not where what replaced it has had one."""
        return unit.blocked_because != QUANTITY if unit else self.is_all_gone

    def _follow(self, unit: PaidUnit, entitlement: Entitlement) -> list[Change]:
        is_served = self.facts.effect == states.SERVE or self._is_forgiven(unit)
        if is_served and blocking.belongs_to_another(unit):
            return [units.another_key(self.vendor, self.purchase, unit, entitlement, self.grace)]
        license = units.license_of(unit)
        units.follow_plan(unit, license, entitlement)
        is_longer = units.extend(unit, license, entitlement.line.paid_until, self.grace)
        if is_served and blocking.restore(unit, license):
            return [Change("restored", unit, license)]
        return [Change("extended", unit, license)] if is_longer else []

    def _is_forgiven(self, unit: PaidUnit) -> bool:
        """The money that went back is here again, though the next bill waits: a dispute was won, a refund failed."""
        return self.facts.effect == states.KEEP and unit.blocked_because in states.MONEY_WENT_BACK

    def _move_away(self, unit: PaidUnit, license: License) -> list[Change]:
        """The item pays for another product now. Its key waits, blocked, until the item comes back to this product."""
        was_open = blocking.block(unit, license, blocking.MOVED)
        aside = _aside(unit.source, license.product_id)
        self._make_room(aside, unit.ordinal)
        unit.source = aside
        db.session.flush()
        self.spare.append(unit)
        return [Change("blocked", unit, license, blocking.MOVED)] if was_open else []

    def _make_room(self, source: str, ordinal: int) -> None:
        """Move on what waits at this place: the key that worked last is the one to come back."""
        mine = select(PaidUnit).where(PaidUnit.vendor_id == self.vendor.id, PaidUnit.source == source)
        taken = {unit.ordinal: unit for unit in db.session.scalars(mine)}
        if ordinal in taken:
            taken[ordinal].ordinal = max(taken) + 1
            db.session.flush()

    def _spare(self, entitlement: Entitlement, ordinal: int) -> PaidUnit | None:
        """A unit whose item was replaced by this one: the key stays the same throughout.

        The one that this very place left for another product comes first, then others of the same item.
        """
        aside = _aside(entitlement.line.source, entitlement.product.id)
        # Sorting is stable: of the others, those that still work stay first.
        for unit in sorted(self.spare, key=lambda one: 2 if one.source != aside else one.ordinal != ordinal):
            if units.license_of(unit).product_id == entitlement.product.id:
                self.spare.remove(unit)
                unit.source, unit.ordinal = entitlement.line.source, ordinal
                db.session.flush()
                return unit
        return None


def _aside(source: str, product_id: int) -> str:
    """Where a unit of an item waits while the item pays for another product than this one."""
    return f"{source}@{product_id}"[:255]


def take_away(vendor: Vendor, there: list[PaidUnit], facts: Facts, entitled: list[Entitlement]) -> list[Change]:
    """Block those of a purchase's units that are certainly no longer paid for.

    What Stripe did not tell completely takes nothing away.
    """
    keys = {one.line.source: one.keys for one in entitled if one.line.is_certain}
    grace = timedelta(days=vendors.switches_of(vendor).grace_days)
    spared = facts.is_being_replaced and not _has_successor(there, facts)
    changes = []
    for unit in there:
        because = "" if unit.blocked_because else _reason_to_block(unit, facts, keys, grace, spared=spared)
        if because:
            license = units.license_of(unit)
            if blocking.block(unit, license, because):
                changes.append(Change("blocked", unit, license, because))
    return changes


def _has_successor(there: list[PaidUnit], facts: Facts) -> bool:
    """Whether what was paid for last has its key: then keys of items before that one stand no more."""
    gone = {line.source for line in facts.lines if line.is_gone}
    return any(unit.source in gone and not unit.blocked_because for unit in there)


def _reason_to_block(unit: PaidUnit, facts: Facts, keys: dict[str, int], grace: timedelta, *, spared: bool) -> str:
    """keys: how many keys each understood item pays for. spared: what belongs to no item stands for the moment."""
    if facts.effect == states.END:
        return facts.because
    if facts.effect == states.SUSPEND and unit.paid_until and unit.paid_until + grace < clock.now():
        return facts.because
    if facts.effect != states.SERVE or not facts.has_all_lines:
        return ""
    if unit.source not in {line.source for line in facts.lines}:
        return "" if spared else QUANTITY
    return QUANTITY if unit.ordinal >= keys.get(unit.source, unit.ordinal + 1) else ""
