"""Forget sessions, codes, known browsers and throttle counters that have had their day."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import and_, delete, or_

from portal import clock
from portal.account.models import KnownBrowser, MailedCode, UserSession
from portal.extensions import db
from portal.throttle import ThrottleCounter

KEEP_SESSIONS = timedelta(days=30)


def clean_up() -> None:
    """Delete what has expired; sessions stay a month longer, for the list of devices and for questions."""
    now = clock.now()
    for model in (MailedCode, KnownBrowser, ThrottleCounter):
        db.session.execute(delete(model).where(model.expires_at < now))
    over = and_(
        UserSession.expires_at < now - KEEP_SESSIONS,
        or_(UserSession.remember_until.is_(None), UserSession.remember_until < now - KEEP_SESSIONS),
    )
    db.session.execute(delete(UserSession).where(over))
