"""Dated proof that somebody accepted a vendor's terms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db


class TermsAcceptance(db.Model):
    """One acceptance; never changed or deleted, and it outlives the account (user_id carries no foreign key)."""

    __tablename__ = "terms_acceptances"
    __table_args__ = (Index("ix_terms_acceptances_who", "vendor_id", "user_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"))
    user_id: Mapped[int] = mapped_column(Integer)
    user_email: Mapped[str] = mapped_column(String(320))
    customer_id: Mapped[int | None] = mapped_column(Integer)
    url: Mapped[str] = mapped_column(String(2000))
    version: Mapped[int] = mapped_column(Integer)
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    ip: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(300))
    language: Mapped[str] = mapped_column(String(10))
