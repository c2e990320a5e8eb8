"""Keys whose purchase Stripe does not know, and events that were given up."""

from __future__ import annotations

from collections.abc import Callable

from flask_babel import gettext as _
from sqlalchemy import select, update

from portal.audit import service as audit
from portal.billing.models import Subscription
from portal.extensions import db
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import Purchase
from portal.reconciliation.case import Case, Done, Write
from portal.vendors.service import HasId
from portal.webhooks import service as webhooks
from portal.webhooks.models import StripeEvent

MISSING = "missing"


def part(vendor: HasId, case: Case, ensured: Callable[[int, Facts], list[Write]]) -> Done:
    """Leave the key as it is and end our record of the purchase; where Stripe knows it after all, follow Stripe."""
    if case.facts:
        writes = tuple(write for facts in case.facts for write in ensured(vendor.id, facts))
        return Done(True, _("Stripe knows the subscription after all."), writes)
    purchase = db.session.get(Purchase, (vendor.id, case.purchase))
    if purchase is not None:
        purchase.state, purchase.reason = "ended", MISSING
    linked = update(Subscription).where(Subscription.vendor_id == vendor.id, Subscription.stripe_id == case.purchase)
    db.session.execute(linked.values(license_global_id=None))
    after = {"parted_from": case.purchase}
    audit.record(vendor.id, "license.part", f"license:{case.license_global_id}", after=after)
    return Done(True, _("The key stays as it is. It no longer belongs to %(purchase)s.", purchase=case.purchase))


def replay_events(vendor_id: int, subject: str) -> int:
    """Put the parked events of a purchase back, in the caller's transaction; how many."""
    parked = select(StripeEvent.id).where(
        StripeEvent.vendor_id == vendor_id,
        StripeEvent.state == "parked",
        (StripeEvent.subject == subject) | (StripeEvent.event_id == subject),
    )
    rows = list(db.session.scalars(parked))
    for row in rows:
        webhooks.replay(vendor_id, row)
    return len(rows)
