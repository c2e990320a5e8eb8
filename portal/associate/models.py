"""Which user may see which customer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db


class Association(db.Model):
    """A user bound to a customer.

    seat: 1 for the first account of a customer, 2 for the next; unique per customer, so that two accounts racing for
    a single-use link cannot both take seat 1. origin: `generic`, `personal`, `offer` (same confirmed address), `staff`.
    """

    __tablename__ = "associations"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "customer_id"], ["customers.vendor_id", "customers.id"]),
        UniqueConstraint("vendor_id", "customer_id", "seat", name="uq_associations_seat"),
        Index("ix_associations_user_id", "user_id", "vendor_id", "customer_id"),
    )

    vendor_id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    seat: Mapped[int] = mapped_column(Integer)
    role: Mapped[str] = mapped_column(String(10), default="owner")
    origin: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class GenericSignUp(db.Model):
    """The one customer a user got through a vendor's generic link; opening it again is *already yours*."""

    __tablename__ = "generic_sign_ups"
    __table_args__ = (ForeignKeyConstraint(["vendor_id", "customer_id"], ["customers.vendor_id", "customers.id"]),)

    vendor_id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    customer_id: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class AccessRequest(db.Model):
    """“Ask the vendor”: somebody holds a link that another account used. A note for staff."""

    __tablename__ = "access_requests"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "customer_id"], ["customers.vendor_id", "customers.id"]),
        UniqueConstraint("vendor_id", "customer_id", "user_id", name="uq_access_requests_who"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(Integer)
    customer_id: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
