"""Read back the mails that the file transport wrote; nothing leaves the machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

FILE_NAME = re.compile(r"[0-9T]{15}-[0-9a-f]{32}\Z")
SHOWN = 100


@dataclass(frozen=True)
class StoredMail:
    """One mail as it was written. name: its file's name without the ending."""

    name: str
    sender: str
    recipient: str
    subject: str
    sent_at: datetime
    text: str
    html: str


def newest(folder: Path) -> list[StoredMail]:
    """The last hundred mails, newest first."""
    paths = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return [_read(path) for path in paths[:SHOWN] if FILE_NAME.match(path.stem)]


def find(folder: Path, name: str) -> StoredMail | None:
    """One mail, or None."""
    path = folder / f"{name}.eml"
    return _read(path) if FILE_NAME.match(name) and path.exists() else None


def _read(path: Path) -> StoredMail:
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    return StoredMail(
        name=path.stem,
        sender=str(mail["From"]),
        recipient=str(mail["To"]),
        subject=str(mail["Subject"]),
        sent_at=mail["Date"].datetime,
        text=_part(mail, "plain"),
        html=_part(mail, "html"),
    )


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part else ""
