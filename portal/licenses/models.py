"""Products, license keys and activated machines, with the fields Cryptolens documents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Boolean, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db

FEATURES = tuple(f"f{number}" for number in range(1, 9))
NORMAL, TIME_LIMITED, TRIAL = 0, 1, 2


class Product(db.Model):
    """A product. Its id is unique per vendor.

    feature_definitions: {"f1": {"name": …, "type": 0 normal | 1 time-limited | 2 trial}, …}.
    last_license_id: the number of the newest license within the product.
    """

    __tablename__ = "products"

    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str] = mapped_column(Text, default="")
    feature_definitions: Mapped[dict[str, dict[str, object]]] = mapped_column(JSON, default=dict)
    all_licenses_time_limited: Mapped[bool] = mapped_column(Boolean, default=False)
    block_expired_licenses: Mapped[bool] = mapped_column(Boolean, default=False)
    last_license_id: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class License(db.Model):
    """A license key and its fields.

    global_id is unique per vendor; id is the number within the product. Wire names: reference, Web API 3.2.
    max_no_of_machines ≤ 0 means unlimited. period: days.
    """

    __tablename__ = "licenses"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "product_id"], ["products.vendor_id", "products.id"]),
        ForeignKeyConstraint(["vendor_id", "customer_id"], ["customers.vendor_id", "customers.id"]),
        UniqueConstraint("vendor_id", "product_id", "id", name="uq_licenses_id"),
        UniqueConstraint("vendor_id", "product_id", "key", name="uq_licenses_key"),
        Index("ix_licenses_vendor_id_key", "vendor_id", "key"),
        Index("ix_licenses_vendor_id_customer_id", "vendor_id", "customer_id", "global_id"),
    )

    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"), primary_key=True)
    global_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    product_id: Mapped[int] = mapped_column(Integer)
    id: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(40))
    customer_id: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, onupdate=clock.now)
    period: Mapped[int] = mapped_column(Integer, default=0)
    f1: Mapped[bool] = mapped_column(Boolean, default=False)
    f2: Mapped[bool] = mapped_column(Boolean, default=False)
    f3: Mapped[bool] = mapped_column(Boolean, default=False)
    f4: Mapped[bool] = mapped_column(Boolean, default=False)
    f5: Mapped[bool] = mapped_column(Boolean, default=False)
    f6: Mapped[bool] = mapped_column(Boolean, default=False)
    f7: Mapped[bool] = mapped_column(Boolean, default=False)
    f8: Mapped[bool] = mapped_column(Boolean, default=False)
    notes: Mapped[str] = mapped_column(Text, default="")
    block: Mapped[bool] = mapped_column(Boolean, default=False)
    trial_activation: Mapped[bool] = mapped_column(Boolean, default=False)
    max_no_of_machines: Mapped[int] = mapped_column(Integer, default=0)
    allowed_machines: Mapped[str] = mapped_column(Text, default="")

    product: Mapped[Product] = relationship(lazy="raise", viewonly=True)

    @property
    def active_features(self) -> list[str]:
        """The features that are on: `f1`, …."""
        return [name for name in FEATURES if getattr(self, name)]


class Machine(db.Model):
    """A device on which a license was activated. number: row number, referencer of its data objects."""

    __tablename__ = "machines"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "global_id"], ["licenses.vendor_id", "licenses.global_id"]),
        UniqueConstraint("vendor_id", "global_id", "mid", name="uq_machines_mid"),
    )

    number: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(Integer)
    global_id: Mapped[int] = mapped_column(Integer)
    mid: Mapped[str] = mapped_column(String(128))
    friendly_name: Mapped[str] = mapped_column(String(100), default="")
    ip: Mapped[str] = mapped_column(String(45), default="")
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
