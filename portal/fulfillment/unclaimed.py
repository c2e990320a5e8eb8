"""Payments that nobody is known for: staff say whose they are, or the payer does, by a link that was mailed to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import select

from portal import clock
from portal.audit import service as audit
from portal.audit.service import Actor
from portal.customers.models import Customer
from portal.errors import Conflict, Invalid, NotFound
from portal.extensions import db
from portal.fulfillment import claiming, sweeps
from portal.fulfillment import service as fulfillment
from portal.fulfillment.models import Purchase
from portal.outbox import service as outbox
from portal.vendors.service import HasId, VendorProfile

KEY_TAKES = timedelta(seconds=5)  # until the desk looks whether the payment is settled


@dataclass(frozen=True)
class Unclaimed:
    """A payment without a key. reason: no_customer, no_product or bad_plan. customer_id: known where only a plan lacks.

    can_be_claimed: the payer may be mailed a link.
    """

    stripe_id: str
    reason: str
    email: str
    amount_minor: int | None
    currency: str
    customer_id: int | None
    first_seen_at: datetime
    can_be_claimed: bool


def list_for(vendor: HasId) -> list[Unclaimed]:
    """A vendor's unclaimed payments, the one that waits longest first."""
    mine = select(Purchase).where(Purchase.vendor_id == vendor.id, Purchase.state == "unclaimed")
    return [_shown(purchase) for purchase in db.session.scalars(mine.order_by(Purchase.first_seen_at))]


def of_payer(vendor_id: int, stripe_customer_id: str) -> list[str]:
    """The unclaimed payments of one Stripe customer, by Stripe id."""
    mine = select(Purchase.stripe_id).filter_by(vendor_id=vendor_id, stripe_customer_id=stripe_customer_id)
    return list(db.session.scalars(mine.where(Purchase.state == "unclaimed")))


def bind(vendor_id: int, stripe_id: str, customer_id: int, by: Actor | None = None) -> None:
    """Say whose payment it is, once, in the caller's transaction; a job then ensures the key, or `ensure_now` at once.

    by: who says so; the running request's actor unless given. Raises NotFound, Conflict where it is somebody's already,
    and Invalid for a customer that the vendor does not have.
    """
    fulfillment.lock(vendor_id)
    if db.session.get(Customer, (vendor_id, customer_id)) is None:
        raise Invalid(_("There is no customer with this id."), field="customer_id")
    purchase = _locked(vendor_id, stripe_id)
    if purchase is None:
        raise NotFound(_("There is no such payment."))
    if purchase.state != "unclaimed" or purchase.customer_id is not None:
        raise Conflict(_("This payment belongs to a customer already."))
    purchase.customer_id = customer_id
    after = {"customer_id": customer_id}
    audit.record(vendor_id, "purchase.bind", f"purchase:{stripe_id}"[:100], before={}, after=after, actor=by)
    sweeps.queue_ensure(vendor_id, [stripe_id])
    outbox.queue_job("reconciliation.watch", vendor_id=vendor_id, available_at=clock.now() + KEY_TAKES)


def mail_link(vendor: VendorProfile, stripe_id: str) -> None:
    """Mail the link to the address that Stripe has of the payer; whoever opens it there has shown that it is theirs.

    Raises NotFound, and Conflict where it cannot be claimed or there is no address.
    """
    purchase = _locked(vendor.id, stripe_id)
    if purchase is None:
        raise NotFound(_("There is no such payment."))
    if not claiming.can_be_mailed(purchase):
        raise Conflict(_("Nobody can claim this payment by mail: it has a customer, no address, or no plan of ours."))
    claiming.mail(vendor, purchase)


def _locked(vendor_id: int, stripe_id: str) -> Purchase | None:
    mine = select(Purchase).filter_by(vendor_id=vendor_id, stripe_id=stripe_id)
    return db.session.scalar(mine.with_for_update().execution_options(populate_existing=True))


def _shown(purchase: Purchase) -> Unclaimed:
    return Unclaimed(
        stripe_id=purchase.stripe_id,
        reason=purchase.reason,
        email=purchase.email,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        customer_id=purchase.customer_id,
        first_seen_at=purchase.first_seen_at,
        can_be_claimed=claiming.can_be_mailed(purchase),
    )
