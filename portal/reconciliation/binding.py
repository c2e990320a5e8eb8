"""Whose a purchase is, said by staff: on our side, and at Stripe."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import update

from portal.audit import service as audit
from portal.billing.links import number_in
from portal.billing.models import Subscription
from portal.extensions import db
from portal.fulfillment.models import Purchase
from portal.licenses import service as licenses
from portal.reconciliation.case import Case, Done, Write
from portal.reconciliation.naming import CUSTOMER
from portal.vendors.service import HasId


def settle_owner(vendor: HasId, case: Case) -> Done:
    """A key of another customer than Stripe names: staff choose one of the two, and both sides follow.

    The one whom Stripe names gets the key; or the owner of the key is named at Stripe, and the purchase is theirs.
    """
    named, owner = number_in(case.stripe, CUSTOMER), case.ours.get("owner")
    if case.chosen is None or case.chosen not in (named, owner):
        return Done(False, _("Choose which of the two customers it is."))
    if not case.facts:
        return Done(False, _("Stripe does not know it. Nothing was changed."))
    if case.chosen == named and case.license_global_id:
        licenses.assign_customer(vendor, licenses.get(vendor, case.license_global_id), named)
    _give(vendor, case.purchase, case.chosen)
    writes = [
        Write(facts.stripe_id, {CUSTOMER: str(case.chosen)})
        for facts in case.facts
        if number_in(facts.metadata, CUSTOMER) != case.chosen
    ]
    return Done(True, "", tuple(writes))


def name_customer(vendor: HasId, case: Case) -> Done:
    """A number that nobody has is replaced by the one that is right: as we know it, or as staff choose."""
    number = case.chosen or case.customer_id
    if number is None:
        return Done(False, _("Choose the customer that is meant."))
    if case.purchase:
        if not case.facts:
            return Done(False, _("Stripe does not know it. Nothing was changed."))
        _give(vendor, case.purchase, number)
    return Done(True, "", (Write(case.subject, {CUSTOMER: str(number)}),))


def _give(vendor: HasId, stripe_id: str, customer_id: int) -> None:
    """Our record of a purchase gets its customer."""
    purchase = db.session.get(Purchase, (vendor.id, stripe_id))
    if purchase is None or purchase.customer_id == customer_id:
        return
    before, purchase.customer_id = purchase.customer_id, customer_id
    shown = update(Subscription).where(Subscription.vendor_id == vendor.id, Subscription.stripe_id == stripe_id)
    db.session.execute(shown.values(customer_id=customer_id))
    audit.record(
        vendor.id,
        "purchase.bind",
        f"purchase:{stripe_id}"[:100],
        before={"customer_id": before},
        after={"customer_id": customer_id},
    )
