"""The terms question: what the vendor asks, who answered, and who still has to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import has_request_context, request
from flask_babel import gettext as _
from sqlalchemy import and_, bindparam, func, select

from portal import clock, i18n
from portal.associate.models import Association
from portal.audit import service as audit
from portal.audit.service import Actor
from portal.customers.models import Customer
from portal.data_objects.models import VENDOR, DataObject
from portal.data_objects.reserved import TERMS_URL, is_safe_terms_url
from portal.errors import NotFound
from portal.extensions import db
from portal.prepared import Prepared
from portal.terms.models import TermsAcceptance
from portal.vendors.service import HasId, VendorProfile


@dataclass(frozen=True)
class Terms:
    """What a vendor asks its customers to accept. version: the IntValue of the data object."""

    url: str
    version: int

    @property
    def text(self) -> str:
        """Both as one text, for the hidden field that says which terms a page showed."""
        return f"{self.version} {self.url}"


class StandingCustomer(NamedTuple):
    """A customer the visitor is associated with."""

    id: int
    name: str
    email: str
    company_name: str
    role: str
    allow_activation_management: bool


class Standing(NamedTuple):
    """What a visitor is to a vendor: customers by id, and whether the terms question is open."""

    customers: tuple[StandingCustomer, ...]
    terms_due: bool


# `+ 0` keeps SQLite from walking through all data objects of the vendor in the order of their ids.
_object = (
    select(func.min(DataObject.id + 0))
    .where(
        DataObject.vendor_id == bindparam("vendor_id"),
        DataObject.referencer_type == VENDOR,
        DataObject.referencer_id == 0,
        DataObject.name == TERMS_URL,
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
_STANDING = Prepared(
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
    .order_by(Association.customer_id)
)


def standing(vendor: VendorProfile, user_id: int) -> Standing:
    """The visitor's customers at a vendor and whether they must accept the terms first: one query."""
    rows = _STANDING.all(vendor_id=vendor.id, user_id=user_id)
    customers = tuple(StandingCustomer._make(row[:6]) for row in rows)
    due = bool(rows) and _is_due(vendor, *rows[0][6:])
    return Standing(customers, due)


_CURRENT = select(DataObject.string_value, DataObject.int_value).where(
    DataObject.vendor_id == bindparam("vendor_id"), DataObject.id == _object
)


def current(vendor: HasId) -> Terms | None:
    """The vendor's terms; None without the data object, with an empty value, or one that is no safe address."""
    row = db.session.execute(_CURRENT, {"vendor_id": vendor.id}).first()
    return Terms(row[0], row[1]) if row and is_safe_terms_url(row[0]) else None


def find_unaccepted(vendor: HasId, user_id: int | None) -> Terms | None:
    """The vendor's terms where this user (None: nobody signed in) has not accepted them; asked once per version."""
    terms = current(vendor)
    if terms is None or user_id is None:
        return terms
    theirs = (TermsAcceptance.vendor_id == vendor.id) & (TermsAcceptance.user_id == user_id)
    these = (TermsAcceptance.url == terms.url) & (TermsAcceptance.version == terms.version)
    return None if db.session.scalar(select(TermsAcceptance.id).where(theirs, these).limit(1)) else terms


def accept(
    vendor: HasId, user_id: int, user_email: str, customer_id: int | None, url: str, version: int
) -> TermsAcceptance:
    """Record that a user accepted terms, now, from this browser. Rows are only ever added."""
    in_request = has_request_context()
    accepted = TermsAcceptance(
        vendor_id=vendor.id,
        user_id=user_id,
        user_email=user_email,
        customer_id=customer_id,
        url=url,
        version=version,
        ip=(request.remote_addr or "") if in_request else "",
        user_agent=request.user_agent.string[:300] if in_request else "",
        language=i18n.page_language(),
    )
    db.session.add(accepted)
    audit.record(
        vendor.id,
        "terms.accept",
        f"customer:{customer_id}" if customer_id else f"user:{user_id}",
        after={"url": url, "version": version},
        actor=Actor("user", user_id, user_email),
    )
    return accepted


def list_receipts(vendor: HasId, user_id: int, limit: int = 100) -> list[TermsAcceptance]:
    """What a user accepted at a vendor, newest first."""
    theirs = (TermsAcceptance.vendor_id == vendor.id) & (TermsAcceptance.user_id == user_id)
    return list(
        db.session.scalars(select(TermsAcceptance).where(theirs).order_by(TermsAcceptance.id.desc()).limit(limit))
    )


def get_receipt(vendor: HasId, user_id: int, number: int) -> TermsAcceptance:
    """One acceptance of a user's own. Raises NotFound."""
    theirs = (TermsAcceptance.vendor_id == vendor.id) & (TermsAcceptance.user_id == user_id)
    found = db.session.scalar(select(TermsAcceptance).where(theirs, TermsAcceptance.id == number))
    if found is None:
        raise NotFound(_("There is no such receipt."))
    return found


def list_for(vendor: HasId, *, before_id: int | None = None, limit: int = 50) -> list[TermsAcceptance]:
    """Who is on which version: each user's latest acceptance, newest first, older than `before_id` (keyset)."""
    later = TermsAcceptance.__table__.alias("later")
    latest = (
        select(func.max(later.c.id))
        .where(later.c.vendor_id == TermsAcceptance.vendor_id, later.c.user_id == TermsAcceptance.user_id)
        .correlate(TermsAcceptance)
        .scalar_subquery()
    )
    statement = select(TermsAcceptance).where(TermsAcceptance.vendor_id == vendor.id, TermsAcceptance.id == latest)
    if before_id is not None:
        statement = statement.where(TermsAcceptance.id < before_id)
    return list(db.session.scalars(statement.order_by(TermsAcceptance.id.desc()).limit(limit)))


def _is_due(
    vendor: VendorProfile, url: str | None, changed_at: datetime | None, accepted_at: object, earlier: int
) -> bool:
    if accepted_at is not None or not is_safe_terms_url(url or ""):
        return False
    grace = timedelta(days=vendor.switches.terms_grace_days)
    return not (earlier and changed_at and clock.now() < changed_at + grace)
