"""What leaves the process after the commit: mail and jobs, one row each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db


class OutboxItem(db.Model):
    """A mail or a job waiting for a worker.

    kind: `mail` or `job`. name: mail template folder, or name in `jobs.py`. payload: sealed JSON, emptied when done
    (mails hold codes). state: waiting, done or dead. lease_until and fence guard a claimed row: only the worker that
    holds the current fence may finish it.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "state", "available_at", "id"),  # the next one is found without sorting
        Index("ix_outbox_vendor_id_recipient", "vendor_id", "recipient"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int | None] = mapped_column(ForeignKey("vendors.id"))
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(60))
    recipient: Mapped[str] = mapped_column(String(320), default="")
    payload: Mapped[str] = mapped_column(Text, default="")
    dedupe_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    message_id: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    fence: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    available_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
