"""What we know of Stripe: the vendor's account, who is who, and each subscription as last read."""

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


class StripeAccount(db.Model):
    """A vendor's Stripe settings; secrets are sealed.

    webhook_secrets: sealed JSON list (two at once while rolling). configuration_id: the `bpc_…` used for sessions,
    empty for the account's default. livemode: null until a key is set. The no-code login link is a vendor switch.
    key_seed: sealed; license keys made from payments derive from it. instance: `latchkey_instance` in metadata, which
    tells our purchases from those of another installation on the same Stripe account. events_until: up to when the list
    of events was read.
    """

    __tablename__ = "stripe_accounts"

    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"), primary_key=True)
    api_key: Mapped[str] = mapped_column(Text, default="")
    webhook_secrets: Mapped[str] = mapped_column(Text, default="")
    account_id: Mapped[str] = mapped_column(String(60), default="")
    livemode: Mapped[bool | None] = mapped_column(Boolean)
    configuration_id: Mapped[str] = mapped_column(String(60), default="")
    key_seed: Mapped[str] = mapped_column(Text, default="", server_default="")
    instance: Mapped[str] = mapped_column(String(32), default="", server_default="")
    events_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, onupdate=clock.now)


class StripeCustomer(db.Model):
    """Our customer's counterpart at Stripe, one per mode; never matched by an unverified e-mail address.

    state: `making` while the create call is out (its row id is the idempotency key), then `linked`, or `stale` when
    Stripe no longer knows it.
    """

    __tablename__ = "stripe_customers"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "customer_id"], ["customers.vendor_id", "customers.id"]),
        UniqueConstraint("vendor_id", "customer_id", "livemode", name="uq_stripe_customers_customer"),
        UniqueConstraint("vendor_id", "stripe_id", name="uq_stripe_customers_stripe_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(Integer)
    customer_id: Mapped[int] = mapped_column(Integer)
    livemode: Mapped[bool] = mapped_column(Boolean)
    stripe_id: Mapped[str | None] = mapped_column(String(60))
    email: Mapped[str] = mapped_column(String(512), default="")
    state: Mapped[str] = mapped_column(String(10), default="making")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class Subscription(db.Model):
    """A Stripe subscription as last read.

    amount_minor: of one period, all items, in minor units; interval: day, week, month or year. period_end: the latest
    of the items. cancel_at: when it ends if it was canceled for a date (both of Stripe's ways). fetched_at guards
    against an older read overwriting a newer one.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "customer_id"], ["customers.vendor_id", "customers.id"]),
        ForeignKeyConstraint(["vendor_id", "license_global_id"], ["licenses.vendor_id", "licenses.global_id"]),
        Index("ix_subscriptions_customer", "vendor_id", "customer_id", "license_global_id"),
        Index("ix_subscriptions_license", "vendor_id", "license_global_id"),
    )

    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"), primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    stripe_customer_id: Mapped[str] = mapped_column(String(60))
    customer_id: Mapped[int | None] = mapped_column(Integer)
    license_global_id: Mapped[int | None] = mapped_column(Integer)
    livemode: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[str] = mapped_column(String(30))
    plan_name: Mapped[str] = mapped_column(String(250), default="")
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="")
    interval: Mapped[str] = mapped_column(String(10), default="")
    interval_count: Mapped[int] = mapped_column(Integer, default=1)
    quantity: Mapped[int] = mapped_column(Integer, default=1)
    period_end: Mapped[datetime | None] = mapped_column(UtcDateTime)
    trial_end: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
