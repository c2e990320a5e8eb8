"""What a link means right now: its state, and what may be said about it without giving anybody away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, and_, bindparam, func, select

from portal import clock
from portal.associate import links
from portal.associate.links import GENERIC, Claim
from portal.associate.models import Association, GenericSignUp
from portal.customers.models import Customer
from portal.extensions import db
from portal.vendors.service import VendorProfile

OPEN, YOURS, TAKEN, NO_ADDRESS = "open", "yours", "taken", "no_address"
EXPIRED, REVOKED, DISABLED, UNKNOWN = "expired", "revoked", "disabled", "unknown"
STATUS = {OPEN: 200, YOURS: 200, TAKEN: 409, NO_ADDRESS: 409, EXPIRED: 410, REVOKED: 410, DISABLED: 410, UNKNOWN: 404}


@dataclass(frozen=True)
class Invitation:
    """A link as one visitor meets it.

    state: one of the constants above. customer_id: the record it binds, or has bound (None while a generic link is
    unused). recorded_email: the customer's address; show `hint` instead. is_new: bound by this very request.
    """

    kind: str
    state: str
    claim: Claim | None = None
    customer_id: int | None = None
    recorded_email: str = ""
    recorded_email_key: str = ""
    is_new: bool = False

    @property
    def status(self) -> int:
        """HTTP status of the page about it."""
        return STATUS[self.state]

    @property
    def hint(self) -> str:
        """The recorded address, masked: enough for its owner to recognize it, for nobody else to learn it."""
        return masked(self.recorded_email)

    def without_address(self) -> Invitation:
        """The same where a code is wanted and no mail can reach the record's owner."""
        return replace(self, state=NO_ADDRESS)


def masked(email: str) -> str:
    """An address of which only two first letters and the ending show: `a•••@m•••.example`."""
    local, at, domain = email.partition("@")
    if not at:
        return ""
    ending = domain.rpartition(".")[2] if "." in domain else ""
    return f"{local[:1]}•••@{domain[:1]}•••" + (f".{ending}" if ending else "")


def look_at(vendor: VendorProfile, kind: str, wanted: int, claim: Claim | None, user_id: int | None) -> Invitation:
    """The invitation behind an opened link or a kept claim, for this visitor (None: nobody signed in).

    Exactly one look-up, also where the claim is bad, so that the answer's time tells nothing about which ids exist.
    """
    if kind == GENERIC:
        return _generic(vendor, claim, user_id)
    return _personal(vendor, wanted, claim, user_id)


def look_again(vendor: VendorProfile, claim: Claim, user_id: int | None) -> Invitation:
    """The state of a claim verified before: links may have been used, rotated or revoked since."""
    return look_at(vendor, claim.kind, claim.id, claim, user_id)


def seats_allowed(vendor: VendorProfile, customer: Any) -> int:
    """How many accounts may share a customer record."""
    return vendor.switches.association_limit if customer.allow_multiple_user_association else 1


SEATS_TAKEN = (
    select(func.count())
    .select_from(Association)
    .where(Association.vendor_id == Customer.vendor_id, Association.customer_id == Customer.id)
    .correlate(Customer)
    .scalar_subquery()
)
_IS_MINE = (
    select(func.count())
    .select_from(Association)
    .where(
        Association.vendor_id == Customer.vendor_id,
        Association.customer_id == Customer.id,
        Association.user_id == bindparam("user_id"),
    )
    .correlate(Customer)
    .scalar_subquery()
)
_PERSONAL = select(
    Customer.id,
    Customer.email,
    Customer.email_key,
    Customer.enable_customer_association,
    Customer.allow_multiple_user_association,
    Customer.link_nonce,
    Customer.link_made_at,
    Customer.link_revoked_at,
    SEATS_TAKEN.label("seats_taken"),
    _IS_MINE.label("is_mine"),
).where(Customer.vendor_id == bindparam("vendor_id"), Customer.id == bindparam("wanted"))
_GENERIC = (
    select(GenericSignUp.customer_id)
    .join(
        Association,
        and_(
            Association.vendor_id == GenericSignUp.vendor_id,
            Association.customer_id == GenericSignUp.customer_id,
            Association.user_id == GenericSignUp.user_id,
        ),
    )
    .where(GenericSignUp.vendor_id == bindparam("vendor_id"), GenericSignUp.user_id == bindparam("user_id"))
)


def _personal(vendor: VendorProfile, wanted: int, claim: Claim | None, user_id: int | None) -> Invitation:
    facts = {"vendor_id": vendor.id, "wanted": wanted, "user_id": user_id or 0}
    customer = db.session.execute(_PERSONAL, facts).first()
    if customer is None or claim is None or not links.is_nonce(claim, customer.link_nonce):
        return Invitation(links.PERSONAL, UNKNOWN)
    state = _personal_state(vendor, customer, claim)
    return Invitation(links.PERSONAL, state, claim, customer.id, customer.email, customer.email_key)


def _personal_state(vendor: VendorProfile, customer: Row[Any], claim: Claim) -> str:
    if customer.is_mine:
        return YOURS
    if customer.link_revoked_at is not None:
        return REVOKED
    if not customer.enable_customer_association:
        return DISABLED
    if _is_past(vendor, customer, claim):
        return EXPIRED
    if customer.seats_taken >= seats_allowed(vendor, customer):
        return TAKEN
    return NO_ADDRESS if vendor.switches.confirm_association_by_code and not customer.email_key else OPEN


def _is_past(vendor: VendorProfile, customer: Any, claim: Claim) -> bool:
    """The link's own date counts, and the vendor's rule of today for links that were made before it."""
    expiry = links.personal_expiry(vendor, customer)
    return (claim.until is not None and claim.until <= clock.unix()) or (expiry is not None and expiry <= clock.now())


def _generic(vendor: VendorProfile, claim: Claim | None, user_id: int | None) -> Invitation:
    facts = {"vendor_id": vendor.id, "user_id": user_id or 0}
    customer_id = db.session.execute(_GENERIC, facts).scalar()
    if claim is None or claim.id != vendor.id or not links.is_nonce(claim, vendor.sign_up_nonce):
        return Invitation(GENERIC, UNKNOWN)
    if customer_id is not None:
        return Invitation(GENERIC, YOURS, claim, customer_id)
    return Invitation(GENERIC, OPEN if vendor.switches.generic_sign_up else DISABLED, claim)
