"""Setting a password: anew by a mailed link and code, or from the account page."""

from __future__ import annotations

from flask import g
from flask_babel import gettext as _
from sqlalchemy import select

from portal import addresses, clock, email_addresses, throttle, unit_of_work
from portal.account import browsers, codes, passwords, service, sessions
from portal.account.codes import Pending
from portal.account.models import User
from portal.account.service import HasBrand
from portal.account.sessions import Visitor
from portal.audit import service as audit
from portal.audit.service import Actor
from portal.errors import Invalid
from portal.extensions import db
from portal.outbox import service as outbox


def request(vendor: HasBrand, email: str) -> None:
    """Mail a link and a code for a new password, if the address has an account; the caller commits.

    The work is the same without one. Call it before any other statement of the request. Raises Invalid or Throttled.
    """
    address = email_addresses.read(email)
    service.throttle_codes(vendor.id, address)
    with unit_of_work.reading():
        found = db.session.execute(select(User.id, User.email).where(User.email_key == address.key)).first()
    # To the account's own mailbox: two spellings that compare as equal may be two mailboxes.
    user_id, recipient = found or (None, "")
    asked = codes.ask("reset", vendor_id=vendor.id, email_key=address.key, user_id=user_id)
    link = addresses.portal_link(vendor, "ResetPassword", token=asked.token)
    service.queue_code_mail("reset_password", recipient, asked, vendor.id, link=link)


def find(vendor: HasBrand, token: str) -> Pending | None:
    """The request a link's token belongs to; else the one this browser asked for; None where it ended."""
    found = codes.find_by_token("reset", token) if token else codes.find_pending("reset", vendor.id)
    return found if found and found.vendor_id == vendor.id else None


def needs_code(pending: Pending | None, token: str) -> bool:
    """Whether the code from the mail is asked for: always, but for the mailed link in the browser that asked."""
    return not (pending and token and pending.is_of_this_browser)


def finish(vendor: HasBrand, token: str, code: str, password: str) -> None:
    """Set the new password; every session of the account ends; the caller commits. Raises Invalid or Throttled.

    Call it before any other statement of the request.
    """
    throttle.hit("link_try", "reset", throttle.network())
    with unit_of_work.reading():
        pending = find(vendor, token)
        user = db.session.get(User, pending.user_id) if pending and pending.user_id else None
        facts = (user.email_key, user.name) if user else ("", "")
    passwords.check(password, service.context_words(vendor, facts[1], facts[0]))
    if needs_code(pending, token):
        pending = codes.try_code(pending, code)
    if pending is None or pending.user_id is None:
        raise Invalid(_("This link no longer works. Ask for a new one."), field="code")
    hashed = passwords.hash_password(password)
    codes.use(pending)
    account = service.get(pending.user_id)
    g.actor = Actor("user", account.id, account.email)
    _set(vendor, account, hashed, "account.reset_password")


def change(vendor: HasBrand, visitor: Visitor, current: str, password: str) -> None:
    """Change the visitor's password; all their other sessions end; the caller commits. Raises Invalid or Throttled.

    Call it before any other statement of the request.
    """
    throttle.hit("password_change", visitor.id)
    with unit_of_work.reading():
        stored = db.session.scalar(select(User.password_hash).where(User.id == visitor.id)) or ""
        known = browsers.find_known(visitor.id)
    if not stored:
        raise Invalid(_("You have no password yet. Set your first one by mail."), field="current_password")
    if not passwords.verify(stored, current):
        raise Invalid(_("This is not your current password."), field="current_password")
    passwords.check(password, service.context_words(vendor, visitor.name, visitor.email_key))
    hashed = passwords.hash_password(password)
    account = service.get(visitor.id)
    _set(vendor, account, hashed, "account.change_password", keep_session_id=visitor.session_id, keep_browser=known)


def has_password(user_id: int) -> bool:
    """Whether an account has a password; people who only used codes have none."""
    return bool(db.session.scalar(select(User.password_hash).where(User.id == user_id)))


def _set(
    vendor: HasBrand,
    account: User,
    hashed: str,
    action: str,
    *,
    keep_session_id: int | None = None,
    keep_browser: str = "",
) -> None:
    account.password_hash = hashed
    account.password_changed_at = clock.now()
    ended = sessions.end_others(account.id, keep_session_id)
    browsers.forget_others(account.id, keep_browser)
    for purpose in ("reset", "sign_in", "second_step"):
        codes.end_all(account.id, purpose)
    audit.record(vendor.id, action, f"user:{account.id}", after={"sessions_ended": ended})
    link = addresses.portal_link(vendor, "ForgotPassword")
    outbox.queue_mail("password_changed", account.email, vendor_id=vendor.id, language=service.language(), link=link)
