"""Who did what: plain values only, no relationship upward."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db


class AuditEntry(db.Model):
    """One change.

    actor_kind: staff, user, system, command or api. action: `customer.create` style. record: `customer:12` style.
    before and after: plain fields that changed; secrets never stand here.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_vendor_id_id", "vendor_id", "id"),
        Index("ix_audit_entries_record", "vendor_id", "record", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int | None] = mapped_column(ForeignKey("vendors.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[int | None] = mapped_column(Integer)
    actor_label: Mapped[str] = mapped_column(String(320))
    action: Mapped[str] = mapped_column(String(60))
    record: Mapped[str] = mapped_column(String(100))
    before: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    ip: Mapped[str] = mapped_column(String(45), default="")
