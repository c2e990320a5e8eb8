"""Bind a person to a customer: race-safe, once per link and seat, with an audit entry and a notice."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from flask_babel import gettext as _
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from portal.account.models import User
from portal.associate import invitations
from portal.associate.invitations import OPEN, TAKEN, YOURS, Invitation
from portal.associate.links import GENERIC, PERSONAL, Claim
from portal.associate.models import Association, GenericSignUp
from portal.audit import service as audit
from portal.audit.service import Actor
from portal.customers import service as customers
from portal.customers.models import Customer
from portal.errors import Conflict, Forbidden, NotFound
from portal.extensions import db
from portal.outbox import service as outbox
from portal.vendors.models import Vendor
from portal.vendors.service import PROFILE_COLUMNS, HasId, VendorProfile, profile

OFFER = "offer"


class Person(Protocol):
    """A user row or a visitor."""

    @property
    def id(self) -> int: ...
    @property
    def email(self) -> str: ...
    @property
    def email_key(self) -> str: ...
    @property
    def name(self) -> str: ...


def bind(vendor: VendorProfile, person: Person, claim: Claim) -> Invitation:
    """Bind a person to what a link stands for, in the caller's transaction.

    Returns the invitation afterwards: `yours` (with `is_new` if bound just now), or the state that stands in the way.
    Raises Forbidden while the person's address is not confirmed. Whether a code is needed is the caller's question.
    """
    _require_confirmed(person)
    if claim.kind == GENERIC:
        return _bind_generic(vendor, person, claim)
    _lock_customer(vendor, claim.id)
    found = invitations.look_again(vendor, claim, person.id)
    if found.state != OPEN:
        return found
    return _take_seat(vendor, person, found, PERSONAL)


def needs_code(vendor: VendorProfile, person: Person, invitation: Invitation) -> bool:
    """Whether binding also needs a code mailed to the recorded address (switch `confirm_association_by_code`).

    A person who has confirmed that very address has shown it already.
    """
    return (
        vendor.switches.confirm_association_by_code
        and invitation.kind == PERSONAL
        and invitation.state == OPEN
        and invitation.recorded_email_key != person.email_key
    )


def bind_offer(vendor: VendorProfile, person: Person, customer_id: int) -> Invitation:
    """Bind a record that carries the person's own confirmed address. Raises NotFound or Conflict."""
    _require_confirmed(person)
    _lock_customer(vendor, customer_id)
    if customer_id not in [offer.id for offer in list_offers(vendor, person)]:
        raise NotFound(_("There is no such record for your address."))
    bound = _take_seat(vendor, person, Invitation(OFFER, OPEN, customer_id=customer_id), OFFER)
    if bound.state != YOURS:
        raise Conflict(_("Another account was faster. Ask the vendor if that was not you."))
    return bound


def list_offers(vendor: HasId, person: Person) -> list[Customer]:
    """Unbound records with association enabled whose address is the person's; offered, never bound by themselves."""
    if not person.email_key or not _is_confirmed(person):
        return []
    return list(
        db.session.scalars(
            select(Customer)
            .where(
                Customer.vendor_id == vendor.id,
                Customer.email_key == person.email_key,
                Customer.enable_customer_association.is_(True),
                invitations.SEATS_TAKEN == 0,
            )
            .order_by(Customer.id + 0)  # `+ 0`: sorted afterwards, so that SQLite finds them by address
            .limit(20)
        )
    )


def _require_confirmed(person: Person) -> None:
    if not _is_confirmed(person):
        raise Forbidden(_("Confirm your e-mail address first."))


def _is_confirmed(person: Person) -> bool:
    return db.session.scalar(select(User.email_confirmed_at).where(User.id == person.id)) is not None


def _lock_customer(vendor: HasId, customer_id: int) -> None:
    """Whoever binds, rotates or revokes waits here, so that a state read afterwards is still true at the insert."""
    mine = (Customer.vendor_id == vendor.id) & (Customer.id == customer_id)
    db.session.execute(select(Customer.id).where(mine).with_for_update(key_share=True))


def _take_seat(vendor: VendorProfile, person: Person, found: Invitation, origin: str) -> Invitation:
    """Insert the association at the lowest free seat; the unique seat decides should two ever get this far."""
    customer = customers.get(vendor, int(found.customer_id or 0))
    seat = _free_seat(vendor, customer)
    if seat is None or not _insert_association(vendor, customer.id, person, seat, origin):
        return replace(found, state=TAKEN)
    actor = Actor("user", person.id, person.email)
    audit.record(
        vendor.id, "associate.bind", f"customer:{customer.id}", after={"user": person.email, "by": origin}, actor=actor
    )
    if customer.email_key and customer.email_key != person.email_key:
        outbox.queue_mail(
            "link_bound",
            customer.email,
            vendor_id=vendor.id,
            language=vendor.language,
            customer_name=customer.name,
            account_email=person.email,
        )
    return replace(found, state=YOURS, is_new=True)


def _free_seat(vendor: VendorProfile, customer: Customer) -> int | None:
    mine = (Association.vendor_id == vendor.id) & (Association.customer_id == customer.id)
    taken = set(db.session.scalars(select(Association.seat).where(mine)))
    allowed = invitations.seats_allowed(vendor, customer)
    free = [seat for seat in range(1, allowed + 1) if seat not in taken]
    return free[0] if free and len(taken) < allowed else None


def _insert_association(vendor: HasId, customer_id: int, person: Person, seat: int, origin: str) -> bool:
    values = {
        "vendor_id": vendor.id,
        "customer_id": customer_id,
        "user_id": person.id,
        "seat": seat,
        "origin": origin,
    }
    try:
        with db.session.begin_nested():
            db.session.execute(insert(Association).values(**values))
    except IntegrityError:
        return False
    return True


def _bind_generic(vendor: VendorProfile, person: Person, claim: Claim) -> Invitation:
    """Make the one customer record that a person gets by the generic link."""
    vendor = _lock_vendor(vendor)
    found = invitations.look_again(vendor, claim, person.id)
    if found.state != OPEN:
        return found
    customer, _secret = customers.create(vendor, name=person.name[:100], email=person.email, origin="sign_up")
    bound = _take_seat(vendor, person, replace(found, customer_id=customer.id), GENERIC)
    db.session.execute(insert(GenericSignUp).values(vendor_id=vendor.id, user_id=person.id, customer_id=customer.id))
    return bound


def _lock_vendor(vendor: HasId) -> VendorProfile:
    """One generic sign-up per vendor at a time: two clicks of one person make one record. Returns the latest facts."""
    mine = select(*PROFILE_COLUMNS).where(Vendor.id == vendor.id).with_for_update(key_share=True)
    return profile(db.session.execute(mine).one())
