"""Six-digit codes by mail: asked for in one browser, typed there once, within ten minutes and five tries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from portal import clock, cookies, crypto, throttle, unit_of_work
from portal.account.models import MailedCode
from portal.errors import Invalid
from portal.extensions import db

LIFE = timedelta(minutes=10)
MINUTES = 10
TRIES = 5
COLUMNS = (
    MailedCode.id,
    MailedCode.purpose,
    MailedCode.vendor_id,
    MailedCode.user_id,
    MailedCode.email_key,
    MailedCode.request_digest,
    MailedCode.browser_digest,
    MailedCode.code_digest,
    MailedCode.facts,
)


@dataclass(frozen=True)
class Asked:
    """What `ask` made: the code for the mail, and the token for a link in it."""

    code: str
    token: str


@dataclass(frozen=True)
class Pending:
    """A code somebody is waiting for, as plain values."""

    id: int
    purpose: str
    vendor_id: int | None
    user_id: int | None
    email_key: str
    request_digest: str
    browser_digest: str
    code_digest: str
    sealed_facts: str

    @property
    def facts(self) -> dict[str, Any]:
        """What the purpose needs, as given to `ask`."""
        return dict(json.loads(crypto.open_sealed(self.sealed_facts, _seal_context(self.request_digest))))

    @property
    def is_of_this_browser(self) -> bool:
        """Whether the running request comes from the browser that asked."""
        return self.browser_digest == _browser_digest()


def ask(
    purpose: str, *, vendor_id: int | None, email_key: str, user_id: int | None, facts: dict[str, Any] | None = None
) -> Asked:
    """Make a code, and let older ones of the same purpose and address end; the caller mails it and commits.

    user_id: None where no account has this address: the work is the same, the code then never fits.
    """
    _end_older(purpose, email_key)
    asked = Asked(crypto.new_code(), crypto.new_token())
    request_digest = crypto.digest(asked.token)
    db.session.add(
        MailedCode(
            purpose=purpose,
            vendor_id=vendor_id,
            user_id=user_id,
            email_key=email_key,
            request_digest=request_digest,
            browser_digest=crypto.digest(_keep_browser()),
            code_digest=crypto.keyed_digest(asked.code, _digest_purpose(purpose, request_digest)),
            facts=crypto.seal(json.dumps(facts or {}), _seal_context(request_digest)),
            expires_at=clock.now() + LIFE,
        )
    )
    return asked


def find_pending(purpose: str, vendor_id: int | None) -> Pending | None:
    """The newest code this browser is waiting for, or None."""
    digest = _browser_digest()
    if not digest:
        return None
    return _first(MailedCode.purpose == purpose, MailedCode.vendor_id == vendor_id, MailedCode.browser_digest == digest)


def find_by_token(purpose: str, token: str) -> Pending | None:
    """The request behind the token of a mailed link, or None."""
    return _first(MailedCode.purpose == purpose, MailedCode.request_digest == crypto.digest(token))


def try_code(pending: Pending | None, code: str, field: str = "code") -> Pending:
    """Count a try in a short transaction of its own and compare. Raises Invalid beside `field`, or Throttled.

    Call it before the request writes anything, then `use` in the request's transaction.
    """
    if pending is None:
        raise _unusable(field)
    # By network too: whoever guesses at many addresses, a few times each, has the same odds in the end.
    throttle.hit("code_try_network", throttle.network())
    throttle.hit("code_try", pending.purpose, pending.email_key)
    counted = (
        update(MailedCode)
        .where(MailedCode.id == pending.id, MailedCode.tries < TRIES, *_open())
        .values(tries=MailedCode.tries + 1)
        .returning(MailedCode.tries)
    )
    with unit_of_work.own_transaction() as connection:
        tries = connection.execute(counted).scalar()
    if tries is None:
        raise _unusable(field)
    typed = "".join(code.split())
    if not crypto.matches(typed, _digest_purpose(pending.purpose, pending.request_digest), pending.code_digest):
        raise _wrong(TRIES - tries, field)
    return pending


def use(pending: Pending, field: str = "code") -> None:
    """Use a code up in the caller's transaction; of two at once only one succeeds. Raises Invalid."""
    used = update(MailedCode).where(MailedCode.id == pending.id, *_open()).values(used_at=clock.now())
    if db.session.scalar(used.returning(MailedCode.id).execution_options(synchronize_session=False)) is None:
        raise _unusable(field)


def end_all(user_id: int, purpose: str) -> None:
    """Let every open code of a user for one purpose end."""
    _end(MailedCode.user_id == user_id, MailedCode.purpose == purpose)


def _end_older(purpose: str, email_key: str) -> None:
    _end(MailedCode.email_key == email_key, MailedCode.purpose == purpose)


def _end(*conditions: Any) -> None:
    now = clock.now()
    ended = update(MailedCode).where(*conditions, *_open(now)).values(expires_at=now)
    db.session.execute(ended.execution_options(synchronize_session=False))


def _first(*conditions: Any) -> Pending | None:
    statement = select(*COLUMNS).where(*conditions, *_open()).order_by(MailedCode.id.desc()).limit(1)
    row = db.session.execute(statement).first()
    return Pending(*row) if row else None


def _open(now: datetime | None = None) -> tuple[Any, ...]:
    return (MailedCode.used_at.is_(None), MailedCode.expires_at > (now or clock.now()))


def _keep_browser() -> str:
    """This browser's own random value; a fresh one where it has none."""
    token = cookies.read(cookies.BROWSER)
    if len(token) < 40:
        token = crypto.new_token()
    cookies.put(cookies.BROWSER, token)
    return token


def _browser_digest() -> str:
    token = cookies.read(cookies.BROWSER)
    return crypto.digest(token) if token else ""


def _seal_context(request_digest: str) -> str:
    return f"mailed_code:{request_digest}"


def _digest_purpose(purpose: str, request_digest: str) -> str:
    return f"mailed_code:{purpose}:{request_digest}"


def _unusable(field: str) -> Invalid:
    return Invalid(_("This code no longer works. Ask for a new one."), field=field)


def _wrong(left: int, field: str) -> Invalid:
    if left <= 0:
        return Invalid(_("This is not the code, and it no longer works. Ask for a new one."), field=field)
    return Invalid(_("This is not the code. Check the newest mail and try again."), field=field)
