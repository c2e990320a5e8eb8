"""Ensure the key: money becomes licenses. Repeating it changes nothing.

`read` asks Stripe with no transaction open; `apply` writes what follows in the caller's one transaction. Four ways lead
here: the webhook worker, the return page, the sweeps, and a click of staff.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from portal import clock
from portal.billing import service as billing
from portal.database import insert_into
from portal.extensions import db
from portal.fulfillment import adopting, mails, order_states, owners, plans, seeds, states, units, write_back
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.plans import Entitlement
from portal.fulfillment.reading import Source, purchases_of, read
from portal.fulfillment.units import Change
from portal.vendors import service as vendors
from portal.vendors.models import Vendor

__all__ = ["SERVED", "Outcome", "Source", "apply", "purchases_of", "read", "source_of"]

WAITING, SERVED, ENDED, UNCLAIMED = "waiting", "served", "ended", "unclaimed"


@dataclass(frozen=True)
class Outcome:
    """What became of a purchase. state: of the purchase, or `foreign` or `stale` when nothing was done."""

    state: str
    reason: str = ""
    changes: tuple[Change, ...] = ()


def source_of(vendor_id: int) -> Source | None:
    """Where the vendor's purchases are read; None without a Stripe key. Reads the database: call it first."""
    vendor = vendors.get(vendor_id)
    connection = billing.connection_of(vendor)
    return Source(vendor_id, connection, vendors.switches_of(vendor)) if connection else None


def apply(vendor_id: int, facts: Facts) -> Outcome:
    """Write what follows from the facts. An older read never overwrites a newer one."""
    if _is_foreign(vendor_id, facts):
        return Outcome("foreign")
    purchase = _locked(vendor_id, facts)
    if purchase.fetched_at is not None and purchase.fetched_at > facts.fetched_at:
        return Outcome("stale")
    vendor = vendors.get(vendor_id)
    _note(purchase, facts)
    purchase.customer_id = owners.find_owner(vendor_id, purchase, facts)
    entitled, trouble = plans.entitlements(vendor_id, facts)
    changes = _serve(vendor, purchase, facts, entitled) if purchase.customer_id else []
    changes += _take_away(vendor, purchase, facts, {one.line.source: one.keys for one in entitled})
    purchase.state, purchase.reason = _standing(purchase, facts, trouble)
    db.session.flush()
    order_states.settle(vendor_id, facts)
    billing.record_purchase(vendor_id, facts.purchase, facts.fetched_at, purchase.customer_id, _first_key(purchase))
    mails.tell(vendor, purchase, facts, changes)
    write_back.queue(purchase, facts)
    return Outcome(purchase.state, purchase.reason, tuple(changes))


def _is_foreign(vendor_id: int, facts: Facts) -> bool:
    """Whether it belongs to another installation on the same account, or to the other mode."""
    account = billing.account_of(vendors.get(vendor_id))
    instance = facts.metadata.get("latchkey_instance", "")
    return facts.livemode is not account.livemode or bool(instance and instance != seeds.instance_of(vendor_id))


def _locked(vendor_id: int, facts: Facts) -> Purchase:
    """The purchase's row, made if need be, and nobody else's until our commit: one purchase at a time."""
    first = {"vendor_id": vendor_id, "stripe_id": facts.stripe_id, "livemode": facts.livemode}
    blank = {"stripe_customer_id": "", "status": "", "state": WAITING, "reason": "", "notice": "", "email": ""}
    more = {"currency": "", "first_seen_at": clock.now()}
    db.session.execute(insert_into(Purchase).values(**first, **blank, **more).on_conflict_do_nothing())
    mine = select(Purchase).filter_by(vendor_id=vendor_id, stripe_id=facts.stripe_id)
    return db.session.scalars(mine.with_for_update().execution_options(populate_existing=True)).one()


def _note(purchase: Purchase, facts: Facts) -> None:
    purchase.fetched_at = facts.fetched_at
    purchase.status, purchase.livemode = facts.status[:30], facts.livemode
    purchase.stripe_customer_id, purchase.email = facts.stripe_customer_id[:60], facts.email[:512]
    purchase.amount_minor, purchase.currency = facts.amount_minor, facts.currency[:3]
    purchase.notice = f"unknown status: {facts.status[:60]}" if facts.effect == states.LOOK else ""


def _serve(vendor: Vendor, purchase: Purchase, facts: Facts, entitled: list[Entitlement]) -> list[Change]:
    """Make what is missing and follow plan, quantity and period of what is there."""
    if facts.effect in (states.WAIT, states.END):
        return []
    grace = timedelta(days=vendors.switches_of(vendor).grace_days)
    there = {(unit.source, unit.ordinal): unit for unit in _units(purchase)}
    sources = {line.source for line in facts.lines}
    spare = [unit for place, unit in sorted(there.items()) if place[0] not in sources]
    changes: list[Change] = []
    position = 0
    for entitlement in entitled:
        for ordinal in range(entitlement.keys if entitlement.line.is_paid else 0):
            unit = there.get((entitlement.line.source, ordinal)) or _moved(spare, entitlement, ordinal)
            if unit is None:
                named = adopting.named_key(purchase, facts, entitlement, position)
                if named is None and position == 0 and adopting.names_a_key(facts):
                    purchase.notice = purchase.notice or "the key named in the metadata could not be adopted"
                changes.append(units.make(vendor, purchase, entitlement, ordinal, named, grace))
            else:
                changes += _follow(vendor, purchase, unit, entitlement, facts.effect, grace)
            position += 1
    return changes


def _moved(spare: list[PaidUnit], entitlement: Entitlement, ordinal: int) -> PaidUnit | None:
    """A unit whose item was replaced by this one: the key stays the same throughout."""
    for unit in spare:
        if units.license_of(unit).product_id == entitlement.product.id:
            spare.remove(unit)
            unit.source, unit.ordinal = entitlement.line.source, ordinal
            db.session.flush()
            return unit
    return None


def _follow(
    vendor: Vendor, purchase: Purchase, unit: PaidUnit, entitlement: Entitlement, effect: str, grace: timedelta
) -> list[Change]:
    change = units.follow_plan(vendor, purchase, unit, entitlement, grace)
    if change is not None:
        return [change]
    license = units.license_of(unit)
    changes = []
    if units.extend(unit, license, entitlement.line.paid_until, grace):
        changes.append(Change("extended", unit, license))
    if effect == states.SERVE and units.restore(unit, license):
        changes.append(Change("restored", unit, license))
    return changes


def _take_away(vendor: Vendor, purchase: Purchase, facts: Facts, keys: dict[str, int]) -> list[Change]:
    """Block what is certainly no longer paid for. What Stripe did not tell completely takes nothing away.

    keys: how many keys each understood item pays for.
    """
    changes = []
    for unit in _units(purchase):
        because = _reason_to_block(vendor, unit, facts, keys)
        license = units.license_of(unit)
        if because and units.block(unit, license, because):
            changes.append(Change("blocked", unit, license, because))
    return changes


def _reason_to_block(vendor: Vendor, unit: PaidUnit, facts: Facts, keys: dict[str, int]) -> str:
    if facts.effect == states.END:
        return facts.because
    grace = timedelta(days=vendors.switches_of(vendor).grace_days)
    if facts.effect == states.SUSPEND and unit.paid_until and unit.paid_until + grace < clock.now():
        return facts.because
    if facts.effect != states.SERVE or not facts.lines or (facts.purchase and not facts.purchase.has_all_items):
        return ""
    is_gone = unit.source not in {line.source for line in facts.lines}
    return "quantity" if is_gone or unit.ordinal >= keys.get(unit.source, unit.ordinal + 1) else ""


def _units(purchase: Purchase) -> list[PaidUnit]:
    mine = select(PaidUnit).filter_by(vendor_id=purchase.vendor_id, stripe_id=purchase.stripe_id)
    return list(db.session.scalars(mine.order_by(PaidUnit.id)))


def _first_key(purchase: Purchase) -> int | None:
    return next((unit.license_global_id for unit in _units(purchase)), None)


def _standing(purchase: Purchase, facts: Facts, trouble: str) -> tuple[str, str]:
    if facts.effect == states.WAIT:
        return WAITING, ""
    if facts.effect == states.END:
        return ENDED, facts.because
    if facts.is_paid and purchase.customer_id is None:
        return UNCLAIMED, "no_customer"
    if facts.is_paid and trouble:
        return UNCLAIMED, trouble
    return (SERVED, "") if facts.is_paid else (WAITING, "")
