"""A vendor's record of a buyer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db


class Customer(db.Model):
    """A customer. Its id is unique per vendor.

    email_key: normalized address for look-ups, or empty. origin: staff, sign_up, api, import, stripe or demo.
    secret_digest: SHA-256 of the customer secret. link_nonce: part of the personal link's signature, replaced by
    rotating. link_revoked_at: set while no personal link may be used.
    """

    __tablename__ = "customers"
    __table_args__ = (
        Index("ix_customers_vendor_id_email_key", "vendor_id", "email_key"),
        Index("ix_customers_vendor_id_name", "vendor_id", "name"),
        Index("ix_customers_vendor_id_company_name", "vendor_id", "company_name"),
    )

    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(100), default="")
    email: Mapped[str] = mapped_column(String(320), default="")
    email_key: Mapped[str] = mapped_column(String(320), default="")
    company_name: Mapped[str] = mapped_column(String(100), default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    origin: Mapped[str] = mapped_column(String(10), default="staff")
    secret_digest: Mapped[str] = mapped_column(String(64), default="")
    enable_customer_association: Mapped[bool] = mapped_column(Boolean, default=False)
    allow_activation_management: Mapped[bool] = mapped_column(Boolean, default=False)
    allow_multiple_user_association: Mapped[bool] = mapped_column(Boolean, default=False)
    max_no_of_devices: Mapped[int] = mapped_column(Integer, default=0)
    link_nonce: Mapped[str] = mapped_column(String(32))
    link_made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    link_revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
