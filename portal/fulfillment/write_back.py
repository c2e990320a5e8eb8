"""Our ids on what was bought at Stripe, so that anyone who looks there finds the key, and a restored server too."""

from __future__ import annotations

import secrets

from sqlalchemy import Row, bindparam, func, select

from portal import clock, unit_of_work
from portal.billing import gateway
from portal.billing import service as billing
from portal.billing.links import INSTANCE, TEMPORARY
from portal.billing.models import StripeCustomer
from portal.extensions import db
from portal.fulfillment import seeds
from portal.fulfillment.adopting import ADOPTED
from portal.fulfillment.blocking import MOVED
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem
from portal.vendors import service as vendors

JOB = "fulfillment.write_back"
CUSTOMER = "skm_customer_id"
LONGEST = 500  # Stripe's limit for a metadata value
WRITABLE = ("sub_", "in_")
# Made once: building such statements costs more than running them.
_KEYS = (
    select(License.id, License.global_id, PaidUnit.is_adopted)
    .join(PaidUnit, (PaidUnit.license_global_id == License.global_id) & (PaidUnit.vendor_id == License.vendor_id))
    .where(PaidUnit.vendor_id == bindparam("vendor_id"), PaidUnit.stripe_id == bindparam("stripe_id"))
    .where(PaidUnit.blocked_because != MOVED)
    .order_by(PaidUnit.id)
)
_WAITING = (
    select(OutboxItem.id)
    .where(
        OutboxItem.state == "waiting",
        OutboxItem.name == JOB,
        OutboxItem.vendor_id == bindparam("vendor_id"),
        OutboxItem.lease_until.is_(None),
        func.substr(OutboxItem.dedupe_key, 1, bindparam("length")) == bindparam("about"),
    )
    .with_for_update(skip_locked=True)
    .limit(1)
)


def queue(purchase: Purchase, facts: Facts) -> None:
    """Queue the job where Stripe shows something else than it should."""
    wanted = wanted_of(purchase)
    is_right = all(facts.metadata.get(name, "") == value for name, value in wanted.items())
    is_right = is_right and not (wanted and TEMPORARY in facts.metadata)
    if (is_right and not names_nobody(purchase, facts)) or _is_waiting(purchase):
        return
    mark = f"{_about(purchase)}{secrets.token_hex(8)}"[:200]
    outbox.queue_job(JOB, vendor_id=purchase.vendor_id, dedupe_key=mark, stripe_id=purchase.stripe_id)


def perform(*, vendor_id: int, stripe_id: str) -> None:
    """The job: write what should be there now. Setting the same twice is harmless, so no idempotency key is needed."""
    with unit_of_work.reading():
        purchase = db.session.get(Purchase, (vendor_id, stripe_id))
        wanted = wanted_of(purchase) if purchase else {}
        counterpart = _counterpart(purchase) if purchase else ""
        connection = billing.connection_of(vendors.get(vendor_id))
        owner, instance = (purchase.customer_id, seeds.instance_of(vendor_id)) if purchase else (None, "")
    if connection is None or owner is None:
        return
    if wanted:
        try:
            gateway.write_metadata(connection, stripe_id, {**wanted, TEMPORARY: ""})
        except gateway.NoSuchPurchase:
            return
    if counterpart:
        _name(connection, counterpart, marks_of(owner, instance))
    written = db.session.get(Purchase, (vendor_id, stripe_id))
    if written is not None:
        written.written_at = clock.now()


def _is_waiting(purchase: Purchase) -> bool:
    """Whether a job stands there that nobody has begun: it will write what we commit now.

    One that was begun may have looked before, so it does not count; nor does one that was given up.
    """
    about = _about(purchase)
    facts = {"vendor_id": purchase.vendor_id, "about": about, "length": len(about)}
    return db.session.scalar(_WAITING, facts) is not None


def _about(purchase: Purchase) -> str:
    return f"write_back:{purchase.vendor_id}:{purchase.stripe_id}:"


def names_nobody(purchase: Purchase, facts: Facts) -> bool:
    """Whether the Stripe customer could tell whose it is, and does not."""
    is_gone = facts.purchase is not None and facts.purchase.customer is not None and facts.purchase.customer.is_deleted
    if is_gone or purchase.state != "served" or facts.customer_metadata.get(CUSTOMER, "").strip():
        return False
    return bool(purchase.customer_id and _counterpart(purchase))


def _counterpart(purchase: Purchase) -> str:
    """The Stripe customer that paid, unless we know it as somebody else's."""
    mine = select(StripeCustomer.customer_id).where(
        StripeCustomer.vendor_id == purchase.vendor_id, StripeCustomer.stripe_id == purchase.stripe_customer_id
    )
    known = db.session.scalar(mine) if purchase.stripe_customer_id else None
    return purchase.stripe_customer_id if known in (None, purchase.customer_id) else ""


def marks_of(owner: int, instance: str) -> dict[str, str]:
    """What a Stripe customer says whose it is."""
    return {CUSTOMER: str(owner), INSTANCE: instance}


def _name(connection: gateway.Connection, counterpart: str, marks: dict[str, str]) -> None:
    """Write whose customer it is, where nobody is named."""
    try:
        found = gateway.retrieve_customer(connection, counterpart)
        if not found.is_deleted and not found.metadata.get(CUSTOMER, "").strip():
            gateway.write_customer_metadata(connection, counterpart, marks)
    except gateway.NoSuchCustomer:
        return


def wanted_of(purchase: Purchase) -> dict[str, str]:
    """The metadata that a purchase with keys should show: the first of them, and all where there are several."""
    found = _keys(purchase) if purchase.stripe_id.startswith(WRITABLE) else []
    if not found:
        return {}
    wanted = {
        CUSTOMER: str(purchase.customer_id or ""),
        "skm_key_id": str(found[0].id),
        "skm_key_globalid": str(found[0].global_id),
        INSTANCE: seeds.instance_of(purchase.vendor_id),
    }
    lists = {
        "latchkey_keys": [str(row.global_id) for row in found] if len(found) > 1 else [],
        ADOPTED: [str(row.global_id) for row in found if row.is_adopted],
    }
    listed = {name: ",".join(numbers) for name, numbers in lists.items()}
    return wanted | {name: text for name, text in listed.items() if 0 < len(text) <= LONGEST}


def _keys(purchase: Purchase) -> list[Row[int, int, bool]]:
    mine = {"vendor_id": purchase.vendor_id, "stripe_id": purchase.stripe_id}
    return list(db.session.execute(_KEYS, mine).all())
