"""How an invited person joins: as who they are signed in as, or with an account made for the invited address.

The link went to the invited mailbox and lives for days, so whoever holds it may make the account of an address that has
none. It never signs anybody in: that takes the password and, from an unknown browser, a mailed code.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal import email_addresses, unit_of_work
from portal.account import passwords
from portal.account import service as accounts
from portal.account.sessions import Visitor
from portal.errors import Forbidden
from portal.staff import invitations
from portal.vendors import service as vendors
from portal.vendors.service import VendorProfile


@dataclass(frozen=True)
class Waiting:
    """An open invitation as its page shows it.

    step: `accept` (signed in as the invited), `other` (signed in as somebody else), `sign_in` (has an account),
    `join` (has none).
    """

    vendor: VendorProfile
    email: str
    role: str
    invited_by: str
    step: str


def look_at(token: str, visitor: Visitor | None) -> Waiting:
    """The open invitation behind a link, and what this visitor can do. Raises NotFound or Gone."""
    found = invitations.get_open(token)
    key = email_addresses.read(found.email).key
    if visitor is not None:
        step = "accept" if visitor.email_key == key else "other"
    else:
        step = "sign_in" if accounts.find_by_email(key) else "join"
    vendor = vendors.profile_of(vendors.get(found.vendor_id))
    return Waiting(vendor, found.email, found.role, found.invited_by, step)


def join_with_new_account(token: str, name: str, password: str) -> None:
    """Make the invited person's account and put it on the staff; the caller commits.

    Call it before any other statement of the request: the password is hashed with no transaction open.
    Raises NotFound, Gone, Forbidden where the address has an account, Invalid with the field's name.
    """
    with unit_of_work.reading():
        waiting = look_at(token, None)
    if waiting.step != "join":
        raise Forbidden
    address = email_addresses.read(waiting.email)
    name = accounts.read_name(name)
    passwords.check(password, accounts.context_words(waiting.vendor, name, address.key))
    hashed = passwords.hash_password(password)
    user = accounts.create(address, name=name, password_hash=hashed)
    invitations.accept(token, user)
