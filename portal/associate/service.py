"""Who is bound to whom: list, part, ask, and mail the link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import delete, select

from portal import addresses, clock
from portal.account.models import User
from portal.associate import links
from portal.associate.binding import Person
from portal.associate.models import AccessRequest, Association, GenericSignUp
from portal.audit import service as audit
from portal.customers.models import Customer
from portal.errors import Conflict, NotFound
from portal.extensions import db
from portal.outbox import service as outbox
from portal.staff.models import StaffMember
from portal.vendors.models import Vendor
from portal.vendors.service import PROFILE_COLUMNS, HasId, VendorProfile, profile

TOLD_ROLES = ("owner", "admin", "support")


@dataclass(frozen=True)
class Request:
    """Somebody asks for access to a customer record that another account uses."""

    id: int
    customer_id: int
    customer_name: str
    user_id: int
    user_name: str
    user_email: str
    created_at: datetime


def leave(vendor: HasId, person: Person, customer_id: int) -> None:
    """A user leaves a customer. Licenses stay with the customer. Raises NotFound."""
    _part(vendor, customer_id, person.id, "associate.leave")


def detach(vendor: HasId, customer: Customer, user_id: int) -> None:
    """Staff part a user from a customer; the seat is free again, so rotate the link if copies are about.

    Raises NotFound.
    """
    _part(vendor, customer.id, user_id, "associate.detach")


def list_users(vendor: HasId, customer: Customer) -> list[tuple[Association, User]]:
    """The accounts bound to a customer, in the order they joined."""
    statement = (
        select(Association, User)
        .join(User, User.id == Association.user_id)
        .where(Association.vendor_id == vendor.id, Association.customer_id == customer.id)
        .order_by(Association.seat)
    )
    return [(association, user) for association, user in db.session.execute(statement)]


def list_vendors(user_id: int) -> list[VendorProfile]:
    """The vendors at which a user has a customer record, by name."""
    mine = select(Association.vendor_id).where(Association.user_id == user_id)
    statement = select(*PROFILE_COLUMNS).where(Vendor.id.in_(mine)).order_by(Vendor.name, Vendor.id)
    return [profile(row) for row in db.session.execute(statement)]


def is_associated(vendor: HasId, user_id: int) -> bool:
    """Whether a user has any customer record at a vendor."""
    mine = select(Association.customer_id).where(Association.vendor_id == vendor.id, Association.user_id == user_id)
    return db.session.scalar(mine.limit(1)) is not None


def ask_vendor(vendor: VendorProfile, person: Person, customer_id: int) -> None:
    """Leave a note for staff, and mail them once per open note. customer_id: from a verified claim."""
    mine = (AccessRequest.vendor_id == vendor.id) & (AccessRequest.customer_id == customer_id)
    note = db.session.scalar(select(AccessRequest).where(mine, AccessRequest.user_id == person.id).with_for_update())
    if note is not None and note.settled_at is None:
        return
    if note is None:
        note = AccessRequest(vendor_id=vendor.id, customer_id=customer_id, user_id=person.id)
        db.session.add(note)
    note.created_at, note.settled_at = clock.now(), None
    audit.record(vendor.id, "associate.ask", f"customer:{customer_id}", after={"user": person.email})
    for recipient in _told_staff(vendor):
        outbox.queue_mail(
            "access_requested",
            recipient,
            vendor_id=vendor.id,
            language=vendor.language,
            customer_id=customer_id,
            account_email=person.email,
            account_name=person.name,
            link=addresses.absolute(f"/Customer/Edit/{customer_id}"),
        )


def list_requests(vendor: HasId, limit: int = 100) -> list[Request]:
    """Open notes of people who asked for access, oldest first."""
    statement = (
        select(
            AccessRequest.id,
            AccessRequest.customer_id,
            Customer.name,
            User.id,
            User.name,
            User.email,
            AccessRequest.created_at,
        )
        .join(User, User.id == AccessRequest.user_id)
        .join(Customer, (Customer.vendor_id == AccessRequest.vendor_id) & (Customer.id == AccessRequest.customer_id))
        .where(AccessRequest.vendor_id == vendor.id, AccessRequest.settled_at.is_(None))
        .order_by(AccessRequest.id)
        .limit(limit)
    )
    return [Request(*row) for row in db.session.execute(statement)]


def settle_request(vendor: HasId, request_id: int) -> None:
    """Mark a note as dealt with. Raises NotFound."""
    mine = (AccessRequest.vendor_id == vendor.id) & (AccessRequest.id == request_id)
    note = db.session.scalar(select(AccessRequest).where(mine))
    if note is None:
        raise NotFound(_("There is no such request."))
    if note.settled_at is None:
        note.settled_at = clock.now()
        audit.record(vendor.id, "associate.settle_request", f"customer:{note.customer_id}")


def mail_personal_link(vendor: Vendor | VendorProfile, customer: Customer) -> None:
    """Queue a mail with the personal link to the recorded address. Raises Conflict without link or address."""
    link = links.personal_link(vendor, customer)
    if link is None:
        raise Conflict(_("There is no link to mail: enable customer association, or rotate the revoked link."))
    if not customer.email:
        raise Conflict(_("This customer has no e-mail address."))
    outbox.queue_mail(
        "personal_link",
        customer.email,
        vendor_id=vendor.id,
        language=links.switches_of(vendor).language,
        customer_name=customer.name,
        link=link,
    )
    audit.record(vendor.id, "personal_link.mail", f"customer:{customer.id}")


def _part(vendor: HasId, customer_id: int, user_id: int, action: str) -> None:
    rows = (
        (Association.vendor_id == vendor.id)
        & (Association.customer_id == customer_id)
        & (Association.user_id == user_id)
    )
    email = db.session.scalar(select(User.email).where(User.id == user_id))
    if db.session.execute(delete(Association).where(rows)).rowcount == 0:  # type: ignore[attr-defined]
        raise NotFound(_("This account is not linked to this customer."))
    db.session.execute(
        delete(GenericSignUp).where(
            GenericSignUp.vendor_id == vendor.id,
            GenericSignUp.user_id == user_id,
            GenericSignUp.customer_id == customer_id,
        )
    )
    audit.record(vendor.id, action, f"customer:{customer_id}", before={"user": email})


def _told_staff(vendor: HasId) -> list[str]:
    statement = (
        select(User.email)
        .join(StaffMember, StaffMember.user_id == User.id)
        .where(StaffMember.vendor_id == vendor.id, StaffMember.role.in_(TOLD_ROLES))
        .order_by(User.id)
    )
    return list(db.session.scalars(statement))
