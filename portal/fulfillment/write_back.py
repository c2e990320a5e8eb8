"""Our ids on the subscription at Stripe, so that anyone who looks there finds the key, and a restored server too."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import select

from portal import clock, unit_of_work
from portal.billing import gateway
from portal.billing import service as billing
from portal.extensions import db
from portal.fulfillment import seeds
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.outbox import service as outbox
from portal.vendors import service as vendors

JOB = "fulfillment.write_back"
TEMPORARY = "skm_temp_var"
LONGEST = 500  # Stripe's limit for a metadata value


def queue(purchase: Purchase, facts: Facts) -> None:
    """Queue the job where Stripe shows something else than it should; once for each thing it should show."""
    wanted = _wanted(purchase)
    if not wanted:
        return
    is_right = all(facts.metadata.get(name, "") == value for name, value in wanted.items())
    if is_right and TEMPORARY not in facts.metadata:
        return
    written = purchase.written_at.isoformat() if purchase.written_at else ""
    mark = hashlib.sha256(json.dumps([wanted, written], sort_keys=True).encode()).hexdigest()[:32]
    outbox.queue_job(
        JOB,
        vendor_id=purchase.vendor_id,
        dedupe_key=f"write_back:{purchase.vendor_id}:{purchase.stripe_id}:{mark}"[:200],
        stripe_id=purchase.stripe_id,
    )


def perform(*, vendor_id: int, stripe_id: str) -> None:
    """The job: write what should be there now. Setting the same twice is harmless, so no idempotency key is needed."""
    with unit_of_work.reading():
        purchase = db.session.get(Purchase, (vendor_id, stripe_id))
        wanted = _wanted(purchase) if purchase else {}
        connection = billing.connection_of(vendors.get(vendor_id))
    if not wanted or connection is None:
        return
    try:
        gateway.write_metadata(connection, stripe_id, {**wanted, TEMPORARY: ""})
    except gateway.NoSuchPurchase:
        return
    written = db.session.get(Purchase, (vendor_id, stripe_id))
    if written is not None:
        written.written_at = clock.now()


def _wanted(purchase: Purchase) -> dict[str, str]:
    """The metadata of a purchase with keys: the first of them, and all where there are several."""
    if not purchase.stripe_id.startswith("sub_"):
        return {}
    found = db.session.execute(
        select(License.id, License.global_id)
        .join(PaidUnit, (PaidUnit.license_global_id == License.global_id) & (PaidUnit.vendor_id == License.vendor_id))
        .where(PaidUnit.vendor_id == purchase.vendor_id, PaidUnit.stripe_id == purchase.stripe_id)
        .order_by(PaidUnit.id)
    ).all()
    if not found:
        return {}
    wanted = {
        "skm_customer_id": str(purchase.customer_id or ""),
        "skm_key_id": str(found[0][0]),
        "skm_key_globalid": str(found[0][1]),
        "latchkey_instance": seeds.instance_of(purchase.vendor_id),
    }
    listed = ",".join(str(row[1]) for row in found)
    return wanted | ({"latchkey_keys": listed} if len(found) > 1 and len(listed) <= LONGEST else {})
