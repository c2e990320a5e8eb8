"""Give a customer at Stripe the address that we have recorded."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from portal import unit_of_work
from portal.audit import service as audit
from portal.billing import gateway
from portal.billing.models import StripeCustomer
from portal.customers.models import Customer
from portal.errors import Conflict, NotFound
from portal.extensions import db
from portal.stripe_doctor import repairs


def write(vendor_id: int, customer_id: int) -> None:
    """Do it; commit afterwards. Raises NotFound, Conflict, Invalid, and the gateway's errors."""
    patient = repairs.patient(vendor_id)
    linked = select(StripeCustomer).filter_by(
        vendor_id=vendor_id, customer_id=customer_id, livemode=patient.ours.livemode, state="linked"
    )
    with unit_of_work.reading():
        found, customer = db.session.scalar(linked), db.session.get(Customer, (vendor_id, customer_id))
        if found is None or found.stripe_id is None or customer is None or not customer.email_key:
            raise NotFound(_("There is no such customer."))
        stripe_id, before, email = found.stripe_id, found.email, customer.email_key
    try:
        with repairs.writing("Customers"):
            gateway.write_email(patient.connection, stripe_id, email)
    except gateway.NoSuchCustomer as error:
        raise Conflict(_("Stripe does not know this customer any more.")) from error
    kept = db.session.scalar(linked)
    if kept is not None:
        kept.email = email
    record = f"customer:{customer_id}"
    audit.record(vendor_id, "stripe.address", record, before={"email": before}, after={"email": email})
