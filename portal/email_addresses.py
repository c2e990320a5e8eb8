"""E-mail addresses: checked once, shown as typed, compared normalized."""

from __future__ import annotations

from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from portal.errors import Invalid


@dataclass(frozen=True)
class EmailAddress:
    """shown: as mail goes out to it. key: lower case, IDNA-aware, for comparing and unique columns."""

    shown: str
    key: str


def read(text: str, field: str = "email") -> EmailAddress:
    """Check and normalize an address. Raises Invalid next to `field`."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise Invalid(_("This is not an e-mail address."), field=field) from error
    key = f"{found.local_part}@{found.ascii_domain or found.domain}".lower()
    return EmailAddress(found.normalized, key)


def find(text: str) -> EmailAddress | None:
    """The address, or None if the text is not one."""
    try:
        return read(text)
    except Invalid:
        return None
