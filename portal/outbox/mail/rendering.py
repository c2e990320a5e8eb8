"""Turn a mail's folder under templates/mail/ and its context into subject, text and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from flask import current_app, g, render_template
from flask_babel import force_locale

from portal import addresses

LONGEST_SUBJECT = 200
PARTS = ("subject.txt", "body.txt", "body.html")


class Brand(Protocol):
    """Whose mail it is: a vendor's profile, as the app hands it in (`jobs.py`)."""

    @property
    def domain(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def support_email(self) -> str: ...


@dataclass(frozen=True)
class Rendered:
    """A mail as it will be read. subject: one line, whatever the names in it hold."""

    subject: str
    text: str
    html: str


def render(name: str, vendor: Brand | None, language: str, context: dict[str, Any]) -> Rendered:
    """Render the templates of one mail.

    name: folder under templates/mail/. vendor: brand and time zone of the mail; None for mails of the installation.
    The templates get the context, `vendor` and `portal_url`.
    """
    portal_url = addresses.portal_link(vendor) if vendor else addresses.absolute("/")
    values = {**context, "vendor": vendor, "portal_url": portal_url}
    with current_app.app_context():
        g.vendor, g.language = vendor, language
        with force_locale(language):
            parts = [render_template(f"mail/{name}/{part}", **values) for part in PARTS]
    return Rendered(one_line(parts[0])[:LONGEST_SUBJECT], parts[1].strip() + "\n", parts[2])


def one_line(text: str) -> str:
    """A text fit for a header: no line ends or other control characters, single spaces."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
