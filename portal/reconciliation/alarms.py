"""Tell owners and admins, once, of everybody who is charged without a key for more than five minutes; and, once a day
while it lasts, that what Stripe tells cannot be read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from portal import addresses, clock
from portal.customers import service as customers
from portal.extensions import db
from portal.outbox import service as outbox
from portal.reconciliation import ledger
from portal.reconciliation.local import PATIENCE
from portal.reconciliation.models import Finding
from portal.staff import service as staff
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from portal.webhooks.models import StripeEvent

WHO_HELPS = ("owner", "admin")
SHOWN = 10
STANDSTILL = timedelta(hours=1)


def tell(vendor_id: int) -> None:
    """Queue one mail for all that nobody was told of yet, in the transaction that notes that they were told."""
    now = clock.now()
    late = select(Finding).where(
        Finding.vendor_id == vendor_id,
        Finding.state == ledger.OPEN,
        Finding.kind == "charged_without_key",
        Finding.told_at.is_(None),
        Finding.since < now - PATIENCE,
    )
    findings = list(db.session.scalars(late.order_by(Finding.id).with_for_update(skip_locked=True)))
    if not findings:
        return
    vendor = vendors.get(vendor_id)
    payments = [_payment(vendor, finding) for finding in findings[:SHOWN]]
    for finding in findings:
        finding.told_at = now
    _tell_helpers(
        vendor,
        "charged_without_key",
        f"charged:{vendor_id}:{findings[0].id}:{findings[-1].id}",
        payments=payments,
        more=len(findings) - len(payments),
        desk_url=addresses.absolute("/Reconciliation?kind=charged_without_key"),
    )


def tell_of_standstill(vendor_id: int) -> None:
    """Queue a mail where events have failed for more than an hour: keys are then not made longer either."""
    now = clock.now()
    failing = select(StripeEvent).where(
        StripeEvent.vendor_id == vendor_id,
        StripeEvent.state == "received",
        StripeEvent.last_error != "",
        StripeEvent.received_at < now - STANDSTILL,
    )
    oldest = db.session.scalar(failing.order_by(StripeEvent.received_at, StripeEvent.id).limit(1))
    if oldest is None:
        return
    _tell_helpers(
        vendors.get(vendor_id),
        "events_fail",
        f"events_fail:{vendor_id}:{now:%Y-%m-%d}",
        reason=oldest.last_error,
        since=oldest.received_at.isoformat(),
        desk_url=addresses.absolute("/Reconciliation"),
    )


def _tell_helpers(vendor: Vendor, name: str, mark: str, **context: Any) -> None:
    for member in staff.list_members(vendor):
        if member.role in WHO_HELPS:
            dedupe_key = f"{mark}:{member.user_id}"
            outbox.queue_mail(name, member.email, vendor_id=vendor.id, dedupe_key=dedupe_key, **context)


def _payment(vendor: Vendor, finding: Finding) -> dict[str, Any]:
    owner = customers.find(vendor, finding.customer_id) if finding.customer_id else None
    return {
        "stripe_id": finding.subject,
        "customer": customers.label(owner) if owner else "",
        "amount_minor": finding.amount_minor,
        "currency": finding.currency,
    }
