"""What was paid, and which license each paid unit has become."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db


class Purchase(db.Model):
    """Something that was bought at Stripe: a subscription (`sub_…`), a checkout (`cs_…`) or an invoice (`in_…`).

    status: Stripe's own word. state: waiting (for money), served, ended, or unclaimed (paid, but whose or for what is
    not known; reason says which: no_customer, no_product, bad_plan). notice: something odd that staff should look at.
    fetched_at guards against an older read overwriting a newer one. written_at: when our ids last went to Stripe.
    name: the payer's at Stripe. bought: JSON, the id and quantity of each price (see `bought.lines_of`).
    """

    __tablename__ = "purchases"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "customer_id"], ["customers.vendor_id", "customers.id"]),
        Index("ix_purchases_state", "vendor_id", "state"),
        Index("ix_purchases_customer", "vendor_id", "customer_id"),
    )

    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"), primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    livemode: Mapped[bool] = mapped_column(Boolean, default=False)
    stripe_customer_id: Mapped[str] = mapped_column(String(60), default="")
    customer_id: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(30), default="")
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    reason: Mapped[str] = mapped_column(String(30), default="")
    notice: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(String(512), default="")
    name: Mapped[str] = mapped_column(String(256), default="", server_default="")
    bought: Mapped[str] = mapped_column(Text, default="", server_default="")
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="")
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    fetched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    written_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PaidUnit(db.Model):
    """One unit of quantity of one licensed item, and its license. The unique key makes a second key impossible.

    source: the subscription item (`si_…`), or the line of a checkout or invoice (`li_…`, `il_…`); with `@` and a
    product once the item pays for another product. generation: raised when the unit needs another key than before,
    because another purchase pays for its license meanwhile. blocked_because: why the unit was taken away and *we*
    blocked the license (ended, unpaid, refunded, disputed, quantity, moved); `staff` when it was blocked already, so
    that a block by staff is never lifted here; empty while the unit counts.
    """

    __tablename__ = "paid_units"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "stripe_id"], ["purchases.vendor_id", "purchases.stripe_id"]),
        ForeignKeyConstraint(["vendor_id", "license_global_id"], ["licenses.vendor_id", "licenses.global_id"]),
        UniqueConstraint("vendor_id", "source", "ordinal", name="uq_paid_units_source"),
        Index("ix_paid_units_purchase", "vendor_id", "stripe_id"),
        Index("ix_paid_units_license", "vendor_id", "license_global_id"),
        Index("ix_paid_units_paid_until", "paid_until"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(Integer)
    stripe_id: Mapped[str] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(String(255))
    ordinal: Mapped[int] = mapped_column(Integer)
    generation: Mapped[int] = mapped_column(Integer, default=0)
    price_id: Mapped[str] = mapped_column(String(60), default="")
    license_global_id: Mapped[int] = mapped_column(Integer)
    paid_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    blocked_because: Mapped[str] = mapped_column(String(10), default="")
    is_adopted: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
