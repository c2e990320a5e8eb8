"""What an invoice of a subscription sells once: a perpetual license in the same checkout, a line that staff have added.

It is a purchase of its own (`in_…`), read like any other invoice: what happens to the subscription is not its concern.
"""

from __future__ import annotations

from portal.extensions import db
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import Purchase
from portal.outbox import service as outbox

ENSURE = "fulfillment.ensure"


def queue(vendor_id: int, facts: Facts) -> None:
    """Have the invoices of a subscription that sell more read by themselves, once; older ones the full sweep finds."""
    for invoice_id in facts.sold_beside:
        if db.session.get(Purchase, (vendor_id, invoice_id)) is None:
            mark = f"ensure:{vendor_id}:{invoice_id}:beside"
            outbox.queue_job(ENSURE, vendor_id=vendor_id, dedupe_key=mark[:200], stripe_id=invoice_id)
