"""Pack a rendered mail as a message with headers that cannot be injected into."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from portal import crypto
from portal.errors import Invalid
from portal.outbox.mail.rendering import Brand, Rendered, one_line


def pack(
    rendered: Rendered, *, recipient: str, vendor: Brand | None, name: str, message_id: str, made_at: datetime
) -> EmailMessage:
    """The message of one mail.

    message_id: the outbox item's, so that a mail sent twice after a crash carries the same Message-ID.
    Raises Invalid if the recipient is no e-mail address.
    """
    sender = _address(crypto.settings().mail_from)
    brand = vendor.name if vendor else "Latchkey"
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(one_line(brand), sender.username, sender.domain)
    message["To"] = _address(recipient)
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(made_at)
    message["Message-ID"] = f"<{message_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["List-Id"] = f"<{name.replace('_', '-')}.{vendor.domain if vendor else sender.domain}>"
    if vendor and vendor.support_email:
        message["Reply-To"] = _address(vendor.support_email)
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    return message


def _address(text: str) -> Address:
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        if text.endswith("@localhost") and text.isascii() and text.isprintable():
            return Address(username=text.removesuffix("@localhost"), domain="localhost")
        raise Invalid(_("This is not an e-mail address."), field="email") from error
    return Address(username=found.local_part, domain=found.ascii_domain)
