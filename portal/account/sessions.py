"""Signed-in browsers: the one query that says who asks, and the writes that start, renew and end a session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, bindparam, select

from portal import clock
from portal.account.models import User, UserSession
from portal.extensions import db
from portal.vendors.models import Vendor
from portal.vendors.service import PROFILE_COLUMNS, VendorProfile, profile

IDLE = timedelta(hours=12)
REMEMBERED = timedelta(days=30)


@dataclass(frozen=True)
class Visitor:
    """A signed-in user, as plain values of this request. Also what Flask-Login calls the user."""

    id: int
    email: str
    email_key: str
    name: str
    language: str
    session_id: int
    session_vendor_id: int | None
    last_seen_at: datetime

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """For Flask-Login."""
        return str(self.id)


VISITOR_COLUMNS = (
    User.id,
    User.email,
    User.email_key,
    User.name,
    User.language,
    UserSession.id.label("session_id"),
    UserSession.vendor_id.label("session_vendor_id"),
    UserSession.last_seen_at,
)
LIVE = and_(
    UserSession.token_digest == bindparam("token_digest"),
    UserSession.ended_at.is_(None),
    UserSession.expires_at > bindparam("now"),
)
_VISIT = (
    select(*PROFILE_COLUMNS, *VISITOR_COLUMNS)
    .select_from(Vendor)
    .outerjoin(UserSession, LIVE)
    .outerjoin(User, User.id == UserSession.user_id)
    .where(Vendor.domain == bindparam("domain"))
)


def visitor(row: Row[Any] | tuple[Any, ...]) -> Visitor | None:
    """The visitor in the last columns of a row selected with VISITOR_COLUMNS, or None."""
    values = row[-len(VISITOR_COLUMNS) :]
    return Visitor(*values) if values[0] is not None else None


def find_visit(domain: str, token_digest: str) -> tuple[VendorProfile, Visitor | None] | None:
    """Vendor and visitor of a portal address in one query, or None for an unknown domain."""
    facts = {"domain": domain.lower(), "token_digest": token_digest, "now": clock.now()}
    row = db.session.connection().execute(_VISIT, facts).first()
    return (profile(row), visitor(row)) if row else None


def resume() -> str | None:
    """Start a new session from the remember-me cookie and rotate it; returns the new session's digest, or None."""
    return None
