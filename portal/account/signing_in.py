"""Signing in: the password, the mailed code in its place, and the second step in a browser nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import g
from flask_babel import gettext as _
from sqlalchemy import select

from portal import email_addresses, throttle, unit_of_work
from portal.account import browsers, codes, passwords, service, sessions
from portal.account.models import User
from portal.account.service import HasBrand
from portal.audit import service as audit
from portal.audit.service import Actor
from portal.errors import Invalid
from portal.extensions import db


@dataclass(frozen=True)
class Person:
    """Who gave the right password. new_hash: the password hashed anew, where the parameters have changed."""

    id: int
    email: str
    email_key: str
    is_known_here: bool
    new_hash: str


def check_password(email: str, password: str) -> Person:
    """Who an address and a password belong to. Raises Invalid or Throttled; the same for wrong and unknown.

    Call it before any other statement of the request.
    """
    address = email_addresses.read(email)
    with unit_of_work.reading():
        user = db.session.execute(
            select(User.id, User.email, User.email_key, User.password_hash).where(User.email_key == address.key)
        ).first()
        known = browsers.find_known(user.id if user else 0)
    throttle.hit("sign_in_network", throttle.network())
    # A browser that is known keeps a count of its own: strangers cannot use up its owner's tries.
    throttle.hit("sign_in_address", address.key, known)
    if not passwords.verify(user.password_hash if user else "", password) or user is None:
        raise Invalid(_("The e-mail address or the password is wrong."), field="password")
    throttle.forget("sign_in_address", address.key, known)
    new_hash = passwords.hash_password(password) if passwords.is_outdated(user.password_hash) else ""
    return Person(user.id, user.email, user.email_key, bool(known), new_hash)


def ask_second_step(person: Person, vendor_id: int | None, facts: dict[str, Any], brand_id: int | None = None) -> None:
    """Mail the second step's code; nobody is signed in yet; the caller commits.

    vendor_id: whose sign-in page waits for it, None for the staff's. brand_id: in whose name the mail goes out.
    """
    throttle.hit("second_step_address", person.email_key)
    kept = {**facts, "new_hash": person.new_hash}
    asked = codes.ask("second_step", vendor_id=vendor_id, email_key=person.email_key, user_id=person.id, facts=kept)
    service.queue_code_mail("second_step_code", person.email, asked, vendor_id or brand_id)


def request_code(vendor: HasBrand, email: str, facts: dict[str, Any]) -> None:
    """Mail a code that stands in for the password, if the address has an account; the caller commits."""
    address = email_addresses.read(email)
    with unit_of_work.reading():
        found = db.session.execute(select(User.id, User.email).where(User.email_key == address.key)).first()
    # To the account's own mailbox: two spellings that compare as equal may be two mailboxes.
    user_id, to = found or (None, email)
    send = user_id is not None
    service.request_code("sign_in", vendor, to, mail="sign_in_code", user_id=user_id, facts=facts, send=send)


def take_code(purpose: str, vendor: HasBrand | None, code: str) -> tuple[int, dict[str, Any]]:
    """The user a code stands for, and the facts it carried; the caller signs them in and commits. Raises Invalid."""
    with unit_of_work.reading():
        pending = codes.find_pending(purpose, vendor.id if vendor else None)
    pending = codes.try_code(pending, code)
    codes.use(pending)
    if pending.user_id is None:
        raise Invalid(_("This code no longer works. Ask for a new one."), field="code")
    return pending.user_id, pending.facts


def finish(
    user_id: int,
    *,
    vendor_id: int | None,
    second_step: str,
    remember: bool = False,
    new_hash: str = "",
    desk_id: int | None = None,
) -> None:
    """Start the session, after everything that was asked for has been shown; the caller commits.

    vendor_id: where it happened, for the record. desk_id: the vendor whose console staff sit at.
    """
    user = service.get(user_id)
    if new_hash:
        user.password_hash = new_hash
    if second_step in ("code", "mailed"):
        browsers.trust(user.id)
    sessions.start(user.id, vendor_id=desk_id, second_step=second_step, remember=remember)
    g.actor = Actor("user", user.id, user.email)
    audit.record(vendor_id, "account.sign_in", f"user:{user.id}", after={"second_step": second_step})
