"""Roles at a vendor, and the one query that says which desk a staff member sits at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import and_, bindparam, func, select, update

from portal import access, clock
from portal.account.models import User, UserSession
from portal.account.sessions import LIVE, VISITOR_COLUMNS, Visitor, visitor
from portal.audit import service as audit
from portal.errors import Conflict, Forbidden, Invalid, NotFound
from portal.extensions import db
from portal.staff.models import StaffInvitation, StaffMember
from portal.vendors.models import Vendor
from portal.vendors.service import PROFILE_COLUMNS, HasId, VendorProfile, profile


@dataclass(frozen=True)
class Desk:
    """Who is signed in, and the vendor whose console they chose (None for customers)."""

    visitor: Visitor
    vendor: VendorProfile | None
    role: str | None


_DESK = (
    select(*PROFILE_COLUMNS, StaffMember.role, *VISITOR_COLUMNS)
    .select_from(UserSession)
    .join(User, User.id == UserSession.user_id)
    .outerjoin(
        StaffMember, and_(StaffMember.user_id == UserSession.user_id, StaffMember.vendor_id == UserSession.vendor_id)
    )
    .outerjoin(Vendor, Vendor.id == StaffMember.vendor_id)
    .where(LIVE)
)
_ROLE_POSITION = len(PROFILE_COLUMNS)


def find_desk(token_digest: str) -> Desk | None:
    """Visitor, vendor and role of a console request in one query; None when nobody is signed in."""
    row = db.session.connection().execute(_DESK, {"token_digest": token_digest, "now": clock.now()}).first()
    if row is None:
        return None
    who = visitor(row)
    if who is None:
        return None
    role = row[_ROLE_POSITION]
    return Desk(who, profile(row) if role else None, role)


def list_desks(user_id: int) -> list[tuple[VendorProfile, str]]:
    """The vendors a user works for, with the role at each, by name."""
    statement = (
        select(*PROFILE_COLUMNS, StaffMember.role)
        .join(StaffMember, StaffMember.vendor_id == Vendor.id)
        .where(StaffMember.user_id == bindparam("user_id"))
        .order_by(Vendor.name, Vendor.id)
    )
    rows = db.session.execute(statement, {"user_id": user_id})
    return [(profile(row), row[_ROLE_POSITION]) for row in rows]


@dataclass(frozen=True)
class Member:
    """A staff member as the staff page shows them."""

    user_id: int
    name: str
    email: str
    email_key: str
    role: str
    since: datetime


_MEMBERS = select(
    StaffMember.user_id, User.name, User.email, User.email_key, StaffMember.role, StaffMember.created_at
).join(User, User.id == StaffMember.user_id)


def list_members(vendor: HasId) -> list[Member]:
    """The vendor's staff, longest-serving first."""
    rows = db.session.execute(
        _MEMBERS.where(StaffMember.vendor_id == vendor.id).order_by(StaffMember.created_at, StaffMember.user_id)
    )
    return [Member(*row) for row in rows]


def get_member(vendor: HasId, user_id: int) -> Member:
    """One of the vendor's staff. Raises NotFound."""
    found = next((member for member in list_members(vendor) if member.user_id == user_id), None)
    if found is None:
        raise NotFound(_("There is no such staff member."))
    return found


def add(vendor: HasId, user: User, role: str, action: str = "staff.add") -> StaffMember:
    """Put a user on the staff. Raises Conflict if they are there already."""
    _known(role)
    if db.session.get(StaffMember, (vendor.id, user.id)) is not None:
        raise Conflict(_("This person is on the staff already."))
    member = StaffMember(vendor_id=vendor.id, user_id=user.id, role=role)
    db.session.add(member)
    db.session.flush()
    audit.record(vendor.id, action, f"staff:{user.email}", after={"role": role})
    return member


def change_role(vendor: HasId, actor_role: str, user_id: int, role: str) -> None:
    """Give a staff member another role.

    Their open invitations end: they may have promised what this role may not. actor_role: of whoever does it; an admin
    cannot make, change or remove owners. Raises NotFound, Forbidden, or
    Conflict for the last owner.
    """
    _known(role)
    _lock(vendor)
    member = get_member(vendor, user_id)
    refuse_beyond(actor_role, member.role, role)
    if member.role == role:
        return
    if member.role == "owner":
        _refuse_last_owner(vendor)
    _row(vendor, user_id).role = role
    _end_invitations_by(vendor, member)
    audit.record(
        vendor.id, "staff.change_role", f"staff:{member.email}", before={"role": member.role}, after={"role": role}
    )


def remove(vendor: HasId, actor_role: str, user_id: int) -> None:
    """Take somebody off the staff, and end their open invitations.

    Raises NotFound, Forbidden, or Conflict for the last owner.
    """
    _lock(vendor)
    member = get_member(vendor, user_id)
    refuse_beyond(actor_role, member.role)
    if member.role == "owner":
        _refuse_last_owner(vendor)
    db.session.delete(_row(vendor, user_id))
    _end_invitations_by(vendor, member)
    audit.record(vendor.id, "staff.remove", f"staff:{member.email}", before={"role": member.role})


def refuse_beyond(actor_role: str | None, *roles: str) -> None:
    """Raise Forbidden if one of the roles is above what the actor may give or take: only owners touch owners."""
    for role in roles:
        _known(role)
    if not access.at_least(actor_role, "admin") or ("owner" in roles and actor_role != "owner"):
        raise Forbidden(_("Only an owner can do this to an owner."))


def _known(role: str) -> None:
    if role not in access.ROLES:
        raise Invalid(_("Choose one of %(names)s.", names=", ".join(access.ROLES)), field="role")


def _lock(vendor: HasId) -> None:
    """One writer per vendor at a time, so that two owners cannot both become the last to leave."""
    db.session.execute(select(Vendor.id).where(Vendor.id == vendor.id).with_for_update())


def _refuse_last_owner(vendor: HasId) -> None:
    owners = select(func.count()).where(StaffMember.vendor_id == vendor.id, StaffMember.role == "owner")
    if (db.session.scalar(owners) or 0) < 2:
        raise Conflict(_("The last owner stays. Make somebody else an owner first."))


def _end_invitations_by(vendor: HasId, member: Member) -> None:
    open_ones = update(StaffInvitation).where(
        StaffInvitation.vendor_id == vendor.id,
        StaffInvitation.invited_by == member.email,
        StaffInvitation.used_at.is_(None),
        StaffInvitation.revoked_at.is_(None),
    )
    db.session.execute(open_ones.values(revoked_at=clock.now()))


def _row(vendor: HasId, user_id: int) -> StaffMember:
    row = db.session.get(StaffMember, (vendor.id, user_id))
    assert row is not None
    return row
