"""Signed-in browsers: the one query that says who asks, and the writes that start and end a session."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from flask import g, request
from flask_babel import gettext as _
from sqlalchemy import CursorResult, Row, and_, bindparam, or_, select, update

from portal import clock, cookies, crypto
from portal.account.models import User, UserSession
from portal.errors import NotFound
from portal.extensions import db
from portal.prepared import Prepared
from portal.vendors.models import Vendor
from portal.vendors.service import PROFILE_COLUMNS, VendorProfile, profile

IDLE = timedelta(hours=12)
REMEMBERED = timedelta(days=30)
LONGEST = timedelta(days=30)  # however much it is used; then it is idle for the last time


class Visitor(NamedTuple):
    """A signed-in user, as plain values of this request. Also what Flask-Login calls the user."""

    id: int
    email: str
    email_key: str
    name: str
    language: str
    session_id: int
    session_vendor_id: int | None
    second_step: str
    last_seen_at: datetime

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def is_active(self) -> bool:
        return True

    @property
    def is_anonymous(self) -> bool:
        return False

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
    UserSession.second_step,
    UserSession.last_seen_at,
)
LIVE = and_(
    UserSession.token_digest == bindparam("token_digest"),
    UserSession.ended_at.is_(None),
    UserSession.expires_at > bindparam("now"),
)
_VISIT = Prepared(
    select(*PROFILE_COLUMNS, *VISITOR_COLUMNS)
    .select_from(Vendor)
    .outerjoin(UserSession, LIVE)
    .outerjoin(User, User.id == UserSession.user_id)
    .where(Vendor.domain == bindparam("domain"))
)
_VENDOR = Prepared(select(*PROFILE_COLUMNS).where(Vendor.domain == bindparam("domain")))


def visitor(row: Row[Any] | tuple[Any, ...]) -> Visitor | None:
    """The visitor in the last columns of a row selected with VISITOR_COLUMNS, or None."""
    values = row[-len(VISITOR_COLUMNS) :]
    return Visitor._make(values) if values[0] is not None else None


def find_visit(domain: str, token_digest: str) -> tuple[VendorProfile, Visitor | None] | None:
    """Vendor and visitor of a portal address in one query, or None for an unknown domain.

    token_digest: of the session cookie; empty where there is none.
    """
    if not token_digest:
        known = _VENDOR.first(domain=domain.lower())
        return (profile(known), None) if known else None
    row = _VISIT.first(domain=domain.lower(), token_digest=token_digest, now=clock.now())
    return (profile(row), visitor(row)) if row else None


def misses_second_step(visitor: Visitor, vendor: VendorProfile, *, as_staff: bool = False) -> bool:
    """Whether a vendor asks for a second step that this session has not shown; a console wants password and code."""
    if as_staff:
        return visitor.second_step != "code" and vendor.switches.second_step_for_staff
    return visitor.second_step == "off" and vendor.switches.second_step_for_customers


def admitted(visitor: Visitor | None, vendor: VendorProfile) -> Visitor | None:
    """The visitor for a public page that acts on their behalf: nobody while this vendor's second step is missing."""
    return None if visitor is None or misses_second_step(visitor, vendor) else visitor


def start(user_id: int, *, vendor_id: int | None = None, second_step: str, remember: bool = False) -> UserSession:
    """Sign this browser in: a new session under a new token; the one it had ends.

    vendor_id: the vendor whose console staff chose. second_step: `code`, `known_browser`, `off`, or `mailed` where a
    mailed code stood in for the password. remember: stay signed in for 30 days.
    """
    end_current()
    token, now = crypto.new_token(), clock.now()
    session = UserSession(
        user_id=user_id,
        token_digest=crypto.digest(token),
        vendor_id=vendor_id,
        second_step=second_step,
        user_agent=request.headers.get("User-Agent", "")[:300],
        ip=(request.remote_addr or "")[:45],
        created_at=now,
        last_seen_at=now,
        expires_at=now + IDLE,
    )
    cookies.put(cookies.SESSION, token)
    if remember:
        _remember(session, now)
    db.session.add(session)
    return session


def end_current() -> None:
    """Sign this browser out on the server, remember-me included, and drop its cookies."""
    token = cookies.read(cookies.SESSION)
    selector = cookies.read(cookies.REMEMBER).partition(".")[0]
    digests = [digest for digest in (g.get("session_digest"), token and crypto.digest(token)) if digest]
    if digests or selector:
        _end(or_(UserSession.token_digest.in_(digests), UserSession.remember_selector == selector))
    cookies.drop(cookies.SESSION)
    cookies.drop(cookies.REMEMBER)


def list_for(user_id: int) -> list[UserSession]:
    """The browsers a user is signed in with, the last seen first."""
    now = clock.now()
    live = or_(UserSession.expires_at > now, UserSession.remember_until > now)
    statement = select(UserSession).where(UserSession.user_id == user_id, UserSession.ended_at.is_(None), live)
    return list(db.session.scalars(statement.order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())))


def end(user_id: int, session_id: int) -> None:
    """Sign one browser of a user out. Raises NotFound for anybody else's."""
    if not _end(UserSession.user_id == user_id, UserSession.id == session_id):
        raise NotFound(_("This session has ended already."))


def end_others(user_id: int, keep_session_id: int | None = None) -> int:
    """Sign a user out everywhere but here; returns how many sessions that ended."""
    return _end(UserSession.user_id == user_id, UserSession.id != (keep_session_id or 0))


def choose_vendor(session_id: int, vendor_id: int) -> None:
    """Open another vendor's console in this session."""
    chosen = update(UserSession).where(UserSession.id == session_id).values(vendor_id=vendor_id)
    db.session.execute(chosen.execution_options(synchronize_session=False))


def _remember(session: UserSession, now: datetime) -> None:
    selector, verifier = crypto.new_token()[:32], crypto.new_token()
    session.remember_selector = selector
    session.remember_verifier_digest = crypto.digest(verifier)
    session.remember_rotated_at = now
    session.remember_until = now + REMEMBERED
    cookies.put(cookies.REMEMBER, f"{selector}.{verifier}", int(REMEMBERED.total_seconds()))


def _end(*conditions: Any) -> int:
    ended = update(UserSession).where(*conditions, UserSession.ended_at.is_(None)).values(ended_at=clock.now())
    result = db.session.execute(ended.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
