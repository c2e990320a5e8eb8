"""The terms question: what the vendor asks, who answered, and who still has to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, func, select

from portal import clock
from portal.associate.models import Association
from portal.customers.models import Customer
from portal.data_objects.models import VENDOR, DataObject
from portal.extensions import db
from portal.terms.models import TermsAcceptance
from portal.vendors.service import VendorProfile

DATA_OBJECT = "cryptolens_customtosurl"


@dataclass(frozen=True)
class StandingCustomer:
    """A customer the visitor is associated with."""

    id: int
    name: str
    email: str
    company_name: str
    role: str
    allow_activation_management: bool


@dataclass(frozen=True)
class Standing:
    """What a visitor is to a vendor: customers by id, and whether the terms question is open."""

    customers: tuple[StandingCustomer, ...]
    terms_due: bool


_object = (
    select(func.min(DataObject.id))
    .where(
        DataObject.vendor_id == bindparam("vendor_id"),
        DataObject.referencer_type == VENDOR,
        DataObject.name == DATA_OBJECT,
    )
    .scalar_subquery()
)
_accepted = (
    select(func.max(TermsAcceptance.accepted_at))
    .where(
        TermsAcceptance.vendor_id == Association.vendor_id,
        TermsAcceptance.user_id == Association.user_id,
        TermsAcceptance.url == DataObject.string_value,
        TermsAcceptance.version == DataObject.int_value,
    )
    .correlate(Association, DataObject)
    .scalar_subquery()
)
_earlier = (
    select(func.count(TermsAcceptance.id))
    .where(TermsAcceptance.vendor_id == Association.vendor_id, TermsAcceptance.user_id == Association.user_id)
    .correlate(Association)
    .scalar_subquery()
)
_STANDING = (
    select(
        Customer.id,
        Customer.name,
        Customer.email,
        Customer.company_name,
        Association.role,
        Customer.allow_activation_management,
        DataObject.string_value,
        DataObject.changed_at,
        _accepted,
        _earlier,
    )
    .select_from(Association)
    .join(Customer, and_(Customer.vendor_id == Association.vendor_id, Customer.id == Association.customer_id))
    .outerjoin(DataObject, and_(DataObject.vendor_id == Association.vendor_id, DataObject.id == _object))
    .where(Association.vendor_id == bindparam("vendor_id"), Association.user_id == bindparam("user_id"))
    .order_by(Customer.id)
)


def standing(vendor: VendorProfile, user_id: int) -> Standing:
    """The visitor's customers at a vendor and whether they must accept the terms first: one query."""
    rows = db.session.connection().execute(_STANDING, {"vendor_id": vendor.id, "user_id": user_id}).all()
    customers = tuple(StandingCustomer(*row[:6]) for row in rows)
    due = bool(rows) and _is_due(vendor, *rows[0][6:])
    return Standing(customers, due)


def _is_due(
    vendor: VendorProfile, url: str | None, changed_at: datetime | None, accepted_at: object, earlier: int
) -> bool:
    if not url or accepted_at is not None:
        return False
    grace = timedelta(days=vendor.switches.terms_grace_days)
    return not (earlier and changed_at and clock.now() < changed_at + grace)
