"""Roles at a vendor, and the one query that says which desk a staff member sits at."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, select

from portal import clock
from portal.account.models import User, UserSession
from portal.account.sessions import LIVE, VISITOR_COLUMNS, Visitor, visitor
from portal.extensions import db
from portal.staff.models import StaffMember
from portal.vendors.models import Vendor
from portal.vendors.service import PROFILE_COLUMNS, VendorProfile, profile


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
