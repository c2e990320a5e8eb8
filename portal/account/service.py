"""Accounts: find and make them, sign up, and prove an address by a mailed code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from flask import g
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal import addresses, clock, email_addresses, throttle, unit_of_work
from portal.account import browsers, codes, passwords
from portal.account.codes import Asked
from portal.account.models import User
from portal.audit import service as audit
from portal.audit.service import Actor
from portal.email_addresses import EmailAddress
from portal.errors import Invalid, NotFound
from portal.extensions import db
from portal.outbox import service as outbox

NAME_LENGTH = 100


class HasBrand(Protocol):
    """A vendor row or a vendor profile."""

    @property
    def id(self) -> int: ...
    @property
    def domain(self) -> str: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Confirmed:
    """A proved address. user: the account, made just now if is_new. facts: what the sign-up carried along."""

    user: User
    facts: dict[str, Any]
    is_new: bool


def get(user_id: int) -> User:
    """The account of an id, to change it. Raises NotFound."""
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound(_("There is no such account."))
    return user


def find_by_email(email_key: str) -> User | None:
    """The account of a normalized address, or None."""
    return db.session.scalar(select(User).where(User.email_key == email_key))


def create(email: EmailAddress, *, name: str = "", password_hash: str = "", language: str = "") -> User:
    """A new account whose address is proved. Raises Invalid where the address has one already."""
    now = clock.now()
    user = User(
        email=email.shown,
        email_key=email.key,
        name=name[:NAME_LENGTH],
        language=language,
        password_hash=password_hash,
        password_changed_at=now if password_hash else None,
        email_confirmed_at=now,
    )
    try:
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError as error:
        raise Invalid(_("There is an account with this address already."), field="email") from error
    return user


def request_sign_up(vendor: HasBrand, *, name: str, email: str, password: str, facts: dict[str, Any]) -> None:
    """Begin an account: mail a code and keep what was typed, sealed, until it comes back; the caller commits.

    Where the address has an account already, the mail carries a sign-in code and the password is dropped: text,
    status and time are the same. Call it before any other statement of the request. Raises Invalid or Throttled.
    """
    address = email_addresses.read(email)
    name = read_name(name)
    passwords.check(password, context_words(vendor, name, address.key))
    throttle.hit("sign_up_network", throttle.network())
    throttle_codes(vendor.id, address)
    with unit_of_work.reading():
        owner = _find_owner(address.key)
    hashed = passwords.hash_password(password)
    typed = {"name": name, "email": address.shown, "password_hash": "" if owner else hashed, "facts": facts}
    _send_sign_up_code(vendor, address, owner, typed)


def resend_sign_up(vendor: HasBrand) -> None:
    """Mail a fresh code for the sign-up this browser waits for; the caller commits. Raises Invalid or Throttled."""
    with unit_of_work.reading():
        pending = codes.find_pending("confirm", vendor.id)
        typed = pending.facts if pending else {}
        owner = _find_owner(pending.email_key) if pending else None
    if pending is None:
        raise Invalid(_("There is nothing to confirm in this browser. Please start again."), field="code")
    address = EmailAddress(typed["email"], pending.email_key)
    throttle_codes(vendor.id, address)
    _send_sign_up_code(vendor, address, owner, typed)


def confirm(vendor: HasBrand, code: str) -> Confirmed:
    """Take the code of a sign-up: the account it proves, made now if there was none; the caller commits.

    Raises Invalid beside `code`. Call it before any other statement of the request.
    """
    with unit_of_work.reading():
        pending = codes.find_pending("confirm", vendor.id)
    pending = codes.try_code(pending, code)
    typed = pending.facts
    codes.use(pending)
    user = find_by_email(pending.email_key)
    if user is not None:
        return Confirmed(user, typed["facts"], is_new=False)
    address = EmailAddress(typed["email"], pending.email_key)
    user = create(address, name=typed["name"], password_hash=typed["password_hash"], language=language())
    g.actor = Actor("user", user.id, user.email)
    audit.record(vendor.id, "account.create", f"user:{user.id}", after={"email": user.email, "name": user.name})
    return Confirmed(user, typed["facts"], is_new=True)


def request_code(
    purpose: str,
    vendor: HasBrand | None,
    email: str,
    *,
    mail: str,
    user_id: int | None = None,
    facts: dict[str, Any] | None = None,
    send: bool = True,
    **context: Any,
) -> None:
    """Mail a six-digit code to an address, bound to this browser; the caller commits.

    mail: folder of the mail, which gets `code`, `minutes` and `context`. send: False does the same work but mails
    nothing (where no account has the address). Call it before any other statement of the request.
    Raises Invalid or Throttled.
    """
    address = email_addresses.read(email)
    vendor_id = vendor.id if vendor else None
    throttle_codes(vendor_id, address)
    asked = codes.ask(purpose, vendor_id=vendor_id, email_key=address.key, user_id=user_id, facts=facts)
    queue_code_mail(mail, address.shown if send else "", asked, vendor_id, **context)


def check_code(purpose: str, vendor: HasBrand | None, code: str, *, user_id: int | None = None) -> dict[str, Any]:
    """Take a code asked for in this browser; returns the facts of `request_code`; the caller commits.

    user_id: the signed-in user, where the code must have been asked for by them. Raises Invalid beside `code`.
    Call it before any other statement of the request: it counts the try in a transaction of its own.
    """
    with unit_of_work.reading():
        pending = codes.find_pending(purpose, vendor.id if vendor else None)
    if pending is not None and pending.user_id != user_id:
        pending = None
    pending = codes.try_code(pending, code)
    codes.use(pending)
    return pending.facts


def queue_code_mail(name: str, recipient: str, asked: Asked, vendor_id: int | None, **context: Any) -> None:
    """Queue the mail of a code; with no recipient the same row is written but never sent."""
    facts = {"code": asked.code, "minutes": codes.MINUTES, **context}
    item = outbox.queue_mail(name, recipient, vendor_id=vendor_id, language=language(), is_awaited=True, **facts)
    if item is not None and not recipient:
        item.state, item.payload, item.done_at = "done", "", clock.now()


def read_name(text: str) -> str:
    """A person's name, trimmed. Raises Invalid."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= NAME_LENGTH:
        raise Invalid(_("Type your name, at most %(count)d characters.", count=NAME_LENGTH), field="name")
    return name


def context_words(vendor: HasBrand | None, name: str, email_key: str) -> list[str]:
    """What a password of this person must not be made of."""
    return [name, email_key, *([vendor.name, vendor.domain] if vendor else [])]


def language() -> str:
    """The language of the running request's page."""
    return str(get_locale() or "en")


def _send_sign_up_code(
    vendor: HasBrand, address: EmailAddress, owner: tuple[int, str] | None, typed: dict[str, Any]
) -> None:
    # An account's code goes to its own mailbox: two spellings that compare as equal may be two mailboxes.
    user_id, recipient = owner or (None, address.shown)
    asked = codes.ask("confirm", vendor_id=vendor.id, email_key=address.key, user_id=user_id, facts=typed)
    mail = "confirm_email" if user_id is None else "existing_account"
    link = addresses.portal_link(vendor, "ConfirmEmail", code=asked.code)
    queue_code_mail(mail, recipient, asked, vendor.id, link=link)


def throttle_codes(vendor_id: int | None, address: EmailAddress) -> None:
    """Count a mailed code. Call it before any other statement of the request. Raises Throttled."""
    with unit_of_work.reading():
        known = browsers.find_known_at(address.key)
    throttle.hit("code_network", throttle.network())
    # A browser that is known keeps a count of its own: strangers cannot use up its owner's codes.
    throttle.hit("code_address", address.key, known)
    throttle.hit("code_vendor", vendor_id or 0)


def _find_owner(email_key: str) -> tuple[int, str] | None:
    found = db.session.execute(select(User.id, User.email).where(User.email_key == email_key)).first()
    return (found[0], found[1]) if found else None
