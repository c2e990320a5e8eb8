"""Invitations to the staff: mailed as a link, good for seven days, used once."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import CursorResult, select, update

from portal import addresses, clock, crypto, email_addresses
from portal.account.models import User
from portal.audit import service as audit
from portal.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from portal.extensions import db
from portal.outbox import service as outbox
from portal.staff import service as staff
from portal.staff.models import StaffInvitation
from portal.vendors import service as vendors
from portal.vendors.service import VendorProfile

LIVES = timedelta(days=7)


def invite(vendor: VendorProfile, invited_by: str, actor_role: str | None, email: str, role: str) -> StaffInvitation:
    """Mail an invitation. An earlier open one to the same address stops working.

    invited_by: the address of whoever invites; actor_role: their role. Raises Invalid or Forbidden.
    """
    address = email_addresses.read(email)
    staff.refuse_beyond(actor_role, role)
    if any(member.email_key == address.key for member in staff.list_members(vendor)):
        raise Invalid(_("This person is on your staff already."), field="email")
    for earlier in list_open(vendor):
        if email_addresses.read(earlier.email).key == address.key:
            staff.refuse_beyond(actor_role, earlier.role)
            earlier.revoked_at = clock.now()
    token = crypto.new_token()
    invitation = StaffInvitation(
        vendor_id=vendor.id,
        email=address.shown,
        role=role,
        token_digest=crypto.digest(token),
        invited_by=invited_by,
        expires_at=clock.now() + LIVES,
    )
    db.session.add(invitation)
    outbox.queue_mail(
        "staff_invitation",
        address.shown,
        vendor_id=vendor.id,
        language=vendor.language,
        link=addresses.absolute(f"/Staff/Invitation?{addresses.query(token=token)}"),
        invited_by=invited_by,
        role=role,
        days=LIVES.days,
    )
    audit.record(vendor.id, "staff.invite", f"staff:{address.shown}", after={"email": address.shown, "role": role})
    return invitation


def list_open(vendor: VendorProfile) -> list[StaffInvitation]:
    """Invitations that may still be accepted, newest first."""
    waiting = (
        StaffInvitation.vendor_id == vendor.id,
        StaffInvitation.used_at.is_(None),
        StaffInvitation.revoked_at.is_(None),
        StaffInvitation.expires_at > clock.now(),
    )
    return list(db.session.scalars(select(StaffInvitation).where(*waiting).order_by(StaffInvitation.id.desc())))


def revoke(vendor: VendorProfile, actor_role: str, invitation_id: int) -> None:
    """Take an open invitation back. Raises NotFound, or Forbidden for a role the actor may not give."""
    found = next((row for row in list_open(vendor) if row.id == invitation_id), None)
    if found is None:
        raise NotFound(_("There is no such open invitation."))
    staff.refuse_beyond(actor_role, found.role)
    found.revoked_at = clock.now()
    audit.record(vendor.id, "staff.revoke_invitation", f"staff:{found.email}", before={"role": found.role})


def get_open(token: str) -> StaffInvitation:
    """The invitation behind a mailed link. Raises NotFound for an unknown, Gone for a used or ended one."""
    digest = crypto.digest(token)
    found = db.session.scalar(select(StaffInvitation).where(StaffInvitation.token_digest == digest)) if token else None
    if found is None:
        raise NotFound(_("There is no invitation behind this link. Check that the address is complete."))
    if found.used_at is not None:
        raise Gone(_("This invitation was used already. If it was you, sign in."))
    if found.revoked_at is not None or found.expires_at <= clock.now():
        raise Gone(_("This invitation has ended. Ask %(who)s for a new one.", who=found.invited_by))
    return found


def accept(token: str, user: User) -> StaffInvitation:
    """Put a user with the invited, confirmed address on the staff; the invitation is used up.

    Raises NotFound, Gone, Forbidden for another address, Conflict for one already on the staff.
    """
    found = get_open(token)
    if user.email_key != email_addresses.read(found.email).key or user.email_confirmed_at is None:
        raise Forbidden(_("This invitation was sent to another address."))
    taken: CursorResult[object] = db.session.execute(  # type: ignore[assignment]
        update(StaffInvitation)
        .where(StaffInvitation.id == found.id, StaffInvitation.used_at.is_(None), StaffInvitation.revoked_at.is_(None))
        .values(used_at=clock.now())
    )
    if taken.rowcount != 1:
        raise Conflict(_("This invitation was used in this moment."))
    staff.add(vendors.get(found.vendor_id), user, found.role, action="staff.join")
    return found
