"""Known browsers: those that have shown a second step before, by a random token per person."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from portal import clock, cookies, crypto
from portal.account.models import KnownBrowser, User
from portal.extensions import db

LIFE = timedelta(days=90)
PEOPLE = 5


def is_known(user_id: int) -> bool:
    """Whether this browser has shown a second step of this user before."""
    return bool(find_known(user_id))


def find_known(user_id: int) -> str:
    """The digest under which this browser is known for a user, or an empty text."""
    digests = [crypto.digest(token) for token in _tokens()]
    if not digests:
        return ""
    statement = select(KnownBrowser.token_digest).where(
        KnownBrowser.user_id == user_id,
        KnownBrowser.token_digest.in_(digests),
        KnownBrowser.trusted,
        KnownBrowser.expires_at > clock.now(),
    )
    return db.session.scalar(statement) or ""


def find_known_at(email_key: str) -> str:
    """The digest under which this browser is known for the account of an address, or an empty text."""
    owner = db.session.scalar(select(User.id).where(User.email_key == email_key))
    return find_known(owner or 0)


def trust(user_id: int) -> None:
    """Spare this browser the user's next second steps; the cookie holds the last few people of a shared machine."""
    if find_known(user_id):
        return
    token = crypto.new_token()
    db.session.add(KnownBrowser(user_id=user_id, token_digest=crypto.digest(token), expires_at=clock.now() + LIFE))
    cookies.put(cookies.KNOWN, ".".join([token, *_tokens()][:PEOPLE]), int(LIFE.total_seconds()))


def forget_others(user_id: int, keep: str = "") -> None:
    """Let every known browser of a user show a second step again, but the one with the digest `keep`."""
    gone = delete(KnownBrowser).where(KnownBrowser.user_id == user_id, KnownBrowser.token_digest != keep)
    db.session.execute(gone.execution_options(synchronize_session=False))


def _tokens() -> list[str]:
    return [token for token in cookies.read(cookies.KNOWN).split(".") if len(token) >= 40][:PEOPLE]
