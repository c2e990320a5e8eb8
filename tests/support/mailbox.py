"""What the portal has to say by mail: the queued items, rendered as they would be sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from portal.extensions import db
from portal.outbox import service as outbox
from portal.outbox.mail import rendering
from portal.outbox.models import OutboxItem
from portal.vendors import service as vendors


@dataclass(frozen=True)
class Mail:
    """A queued mail as its reader would see it."""

    name: str
    recipient: str
    context: dict[str, Any]
    subject: str
    text: str
    html: str

    @property
    def code(self) -> str:
        """The six-digit code in it."""
        found = re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", re.sub(r"https?://\S+", "", self.text))
        assert found, f"no code in the mail {self.name}:\n{self.text}"
        return found[0]

    @property
    def links(self) -> list[str]:
        """The addresses in the plain text, in order."""
        return re.findall(r"https?://[^\s<>\"]+", self.text)


def sent_mails(recipient: str | None = None) -> list[Mail]:
    """The mails waiting to be sent, oldest first; a sent one has lost its content and does not show up here."""
    db.session.commit()
    statement = select(OutboxItem).where(OutboxItem.kind == "mail", OutboxItem.payload != "").order_by(OutboxItem.id)
    if recipient is not None:
        statement = statement.where(OutboxItem.recipient == recipient)
    mails = [_rendered(item) for item in db.session.scalars(statement)]
    db.session.commit()
    return mails


def _rendered(item: OutboxItem) -> Mail:
    payload = outbox.payload_of(item)
    vendor = vendors.profile_of(vendors.get(item.vendor_id)) if item.vendor_id else None
    shown = rendering.render(item.name, vendor, payload["language"], payload["context"])
    return Mail(item.name, item.recipient, payload["context"], shown.subject, shown.text, shown.html)
