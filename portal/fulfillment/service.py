"""Ensure the key: money becomes licenses. Repeating it changes nothing.

`read` asks Stripe with no transaction open; `apply` writes what follows in the caller's one transaction. Four ways lead
here: the webhook worker, the return page, the sweeps, and a click of staff.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import Executable, bindparam, select

from portal import clock, unit_of_work
from portal.billing import service as billing
from portal.billing.links import INSTANCE
from portal.billing.models import StripeAccount
from portal.database import insert_into
from portal.extensions import db
from portal.fulfillment import (
    beside,
    bought,
    mails,
    oddities,
    order_states,
    owners,
    plans,
    seeds,
    serving,
    states,
    write_back,
)
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.reading import Source, get, purchases_of, read
from portal.fulfillment.units import Change
from portal.vendors import service as vendors

__all__ = [
    "SERVED",
    "Outcome",
    "Source",
    "apply",
    "ensure_now",
    "get",
    "lock",
    "purchases_of",
    "read",
    "source_of",
]

# Made once: building such statements costs more than running them.
_ACCOUNT = (
    select(StripeAccount)
    .where(StripeAccount.vendor_id == bindparam("vendor_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
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
    account = lock(vendor_id)
    if _is_foreign(account, facts):
        return Outcome("foreign")
    purchase = _locked(vendor_id, facts)
    if purchase.fetched_at is not None and purchase.fetched_at > facts.fetched_at:
        return Outcome("stale")
    vendor = vendors.get(vendor_id)
    owner = owners.find_owner(vendor_id, purchase, facts)
    entitled, trouble = plans.entitlements(vendor_id, facts)
    _note(purchase, facts)
    purchase.customer_id = owner
    changes = serving.serve(vendor, purchase, facts, entitled) if purchase.customer_id else []
    there = serving.units_of(purchase)
    changes += serving.take_away(vendor, there, facts, entitled)
    is_served = bool(there) or any(one.keys and one.line.is_paid for one in entitled)
    purchase.state, purchase.reason = _standing(purchase, facts, trouble, is_served=is_served)
    db.session.flush()
    order_states.settle(vendor_id, facts)
    billing.record_purchase(vendor_id, facts.purchase, facts.fetched_at, owner, _first_key(there))
    mails.tell(vendor, purchase, facts, changes, has_keys=bool(there))
    write_back.queue(purchase, facts)
    beside.queue(vendor_id, facts)
    return Outcome(purchase.state, purchase.reason, tuple(changes))


def lock(vendor_id: int) -> StripeAccount | None:
    """The vendor's account, nobody else's until our commit.

    One purchase of a vendor at a time: two that name the same key, or make keys of the same products, stay apart.

    Taken before anything else is locked, so that workers never wait for each other in a circle.
    """
    return db.session.scalar(_ACCOUNT, {"vendor_id": vendor_id})


def ensure_now(vendor_id: int, stripe_id: str) -> Outcome | None:
    """Read a purchase and apply what follows, at a click; the caller commits. None without a key, or if unknown there.

    Drops the caller's transaction first. Raises the gateway's errors.
    """
    unit_of_work.let_go()
    with unit_of_work.reading():
        source = source_of(vendor_id)
    facts = read(source, stripe_id) if source else None
    return apply(vendor_id, facts) if facts else None


def _is_foreign(account: StripeAccount | None, facts: Facts) -> bool:
    """Whether it belongs to another installation on the same account, or to the other mode."""
    marked = (facts.metadata, facts.session_metadata, facts.customer_metadata)
    instance = next((each[INSTANCE] for each in marked if each.get(INSTANCE)), "")
    if account is None or facts.livemode is not account.livemode:
        return True
    if instance and instance != seeds.instance_of(account.vendor_id):
        return True
    # Invoices by hand are often for other work: without a product of ours on them they are none of our business.
    names_us = any(line.product or line.plan for line in facts.lines) or any("skm_" in name for name in facts.metadata)
    return facts.stripe_id.startswith("in_") and not names_us


def _locked(vendor_id: int, facts: Facts) -> Purchase:
    """The purchase's row, made if need be, and nobody else's until our commit: one purchase at a time."""
    first = {"vendor_id": vendor_id, "stripe_id": facts.stripe_id}
    texts = ("stripe_customer_id", "status", "reason", "notice", "email", "name", "bought", "currency")
    more = {"livemode": facts.livemode, "state": WAITING, "first_seen_at": clock.now()}
    return db.session.scalars(_making(db.engine.dialect.name), {**first, **dict.fromkeys(texts, ""), **more}).one()


@cache
def _making(dialect: str) -> Executable:
    """Insert; where the row is there, change nothing but lock it and read it as it is now."""
    insert = insert_into(Purchase.__table__)
    keys = ["vendor_id", "stripe_id"]
    locked = insert.on_conflict_do_update(index_elements=keys, set_={"stripe_id": insert.excluded["stripe_id"]})
    made = select(Purchase).from_statement(locked.returning(*Purchase.__table__.columns))
    return made.execution_options(populate_existing=True)


def _note(purchase: Purchase, facts: Facts) -> None:
    purchase.fetched_at = facts.fetched_at
    purchase.status, purchase.livemode = facts.status[:30], facts.livemode
    purchase.stripe_customer_id, purchase.email = facts.stripe_customer_id[:60], facts.email[:512]
    purchase.name, purchase.bought = facts.name[:256], bought.written(facts.lines)
    purchase.amount_minor, purchase.currency = facts.amount_minor, facts.currency[:3]
    kept = purchase.notice if purchase.notice == oddities.NOT_ADOPTED else ""
    purchase.notice = oddities.notice_of(facts) or kept


def _first_key(there: list[PaidUnit]) -> int | None:
    """The key to show with a subscription: the first that still works, else the first."""
    mine = sorted(there, key=lambda unit: unit.blocked_because != "")
    return mine[0].license_global_id if mine else None


def _standing(purchase: Purchase, facts: Facts, trouble: str, *, is_served: bool) -> tuple[str, str]:
    """State and reason. is_served: it has keys, or pays for one; the watch looks whether that is there."""
    if facts.effect == states.WAIT:
        return (ENDED, "expired") if facts.status in states.NEVER_PAID else (WAITING, "")
    if facts.effect == states.END:
        return ENDED, facts.because
    if facts.is_paid and (trouble or purchase.customer_id is None):
        return UNCLAIMED, trouble or "no_customer"
    # What was served stays so where Stripe shows nothing as paid for the moment.
    return (SERVED if is_served else WAITING), ""
