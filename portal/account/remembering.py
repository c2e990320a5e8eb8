"""Remember-me: a selector that stays, a verifier that changes with every use; an old one betrays a copied cookie."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, select, update

from portal import clock, cookies, crypto, logging, unit_of_work
from portal.account.models import UserSession
from portal.account.sessions import IDLE
from portal.extensions import db

# Pages ask for several things at once: the verifier just replaced still counts for so long.
GRACE = timedelta(seconds=60)


def resume() -> str | None:
    """Renew the session behind the remember-me cookie and rotate both tokens; returns its digest, or None.

    Runs in a short transaction of its own. A verifier that was replaced longer ago than the grace ends the session:
    somebody else has used a copy of the cookie, or this is the copy.
    """
    selector, _dot, verifier = cookies.read(cookies.REMEMBER).partition(".")
    now = clock.now()
    # Looked up without a write lock first: a made-up cookie must not keep anybody waiting.
    if _find(db.session.connection(), selector, now, lock=False) is None:
        cookies.drop(cookies.REMEMBER)
        return None
    with unit_of_work.own_transaction() as connection:
        row = _find(connection, selector, now)
        if row is None:
            cookies.drop(cookies.REMEMBER)
            return None
        given = crypto.digest(verifier)
        if hmac.compare_digest(given, row.remember_verifier_digest):
            return _rotate(connection, row, now)
        if hmac.compare_digest(given, row.remember_previous_digest) and now - row.remember_rotated_at <= GRACE:
            return str(row.token_digest)
        connection.execute(update(UserSession).where(UserSession.id == row.id).values(ended_at=now))
    cookies.drop(cookies.REMEMBER)
    logging.get().warning("an old remember-me cookie was used; its session ended", session_id=row.id)
    return None


def forget(session_id: int) -> None:
    """Let a session end when it is idle, like one that was never remembered; the caller commits."""
    plain = {"remember_selector": None, "remember_until": None}
    forgotten = update(UserSession).where(UserSession.id == session_id).values(plain)
    db.session.execute(forgotten.execution_options(synchronize_session=False))
    cookies.drop(cookies.REMEMBER)


def _find(connection: Connection, selector: str, now: datetime, *, lock: bool = True) -> Row | None:
    statement = select(
        UserSession.id,
        UserSession.token_digest,
        UserSession.remember_verifier_digest,
        UserSession.remember_previous_digest,
        UserSession.remember_rotated_at,
        UserSession.remember_until,
    ).where(
        UserSession.remember_selector == selector,
        UserSession.ended_at.is_(None),
        UserSession.remember_until > now,
    )
    return connection.execute(statement.with_for_update() if lock else statement).first()


def _rotate(connection: Connection, row: Row, now: datetime) -> str:
    token, verifier = crypto.new_token(), crypto.new_token()
    changed = {
        "token_digest": crypto.digest(token),
        "remember_previous_digest": row.remember_verifier_digest,
        "remember_verifier_digest": crypto.digest(verifier),
        "remember_rotated_at": now,
        "last_seen_at": now,
        "expires_at": now + IDLE,
    }
    connection.execute(update(UserSession).where(UserSession.id == row.id).values(changed))
    selector = cookies.read(cookies.REMEMBER).partition(".")[0]
    cookies.put(cookies.SESSION, token)
    cookies.put(cookies.REMEMBER, f"{selector}.{verifier}", int((row.remember_until - now).total_seconds()))
    return str(changed["token_digest"])
