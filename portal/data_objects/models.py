"""Data objects: a name, a text and a whole number attached to a vendor, product, license or machine."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db

VENDOR, PRODUCT, LICENSE, MACHINE = 0, 1, 2, 3


class DataObject(db.Model):
    """A data object. Its id is unique per vendor.

    referencer_type: 0 vendor (“User” on the wire), 1 product, 2 license, 3 machine.
    referencer_id: 0 for the vendor, product id, GlobalId, or the machine's row number.
    """

    __tablename__ = "data_objects"
    __table_args__ = (Index("ix_data_objects_referencer", "vendor_id", "referencer_type", "referencer_id", "name"),)

    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    referencer_type: Mapped[int] = mapped_column(Integer)
    referencer_id: Mapped[int] = mapped_column(Integer, default=0)
    name: Mapped[str] = mapped_column(String(100))
    string_value: Mapped[str] = mapped_column(Text, default="")
    int_value: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
