"""What the comparison of Stripe with our licenses found, and what was done about it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db


class Finding(db.Model):
    """One difference. Only one open row per vendor, class and subject, however often it is found again.

    kind: the class, named as in PRODUCT 7.5 and `latchkey reconcile`. subject: the Stripe id or `license:<global id>`
    it is about. evidence: JSON, what both sides say. state: open, repaired (by a click or `--repair`), gone (no longer
    found) or put aside by staff (dismissed). outcome: what the repair did, or why it could not.
    """

    __tablename__ = "findings"
    __table_args__ = (
        Index(
            "uq_findings_open",
            "vendor_id",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_findings_state", "vendor_id", "state", "kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"))
    kind: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(String(255))
    customer_id: Mapped[int | None] = mapped_column(Integer)
    license_global_id: Mapped[int | None] = mapped_column(Integer)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="")
    evidence: Mapped[str] = mapped_column(Text, default="{}")
    state: Mapped[str] = mapped_column(String(10), default="open")
    outcome: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    found_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_by: Mapped[str] = mapped_column(String(120), default="")
