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
    text,
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
    of events was read. endpoint_id: our webhook endpoint at Stripe, made or recognized. health: what was last found out
    about it, as JSON; checked_at: when.
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
    endpoint_id: Mapped[str] = mapped_column(String(255), default="", server_default="")
    health: Mapped[str] = mapped_column(Text, default="", server_default="")
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
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


class Plan(db.Model):
    """A price at Stripe as last read, and whether customers may buy it.

    amount_minor: per unit; null where Stripe computes it (tiers). interval: empty for a payment that happens once.
    skm: the CreateKey parameters as they stand there. problem: why it is not sold (empty: it is): no_product,
    bad_plan, unknown_product, inactive, unsupported.
    """

    __tablename__ = "plans"

    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"), primary_key=True)
    price_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    livemode: Mapped[bool] = mapped_column(Boolean)
    stripe_product_id: Mapped[str] = mapped_column(String(255))
    product_id: Mapped[int | None] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(500), default="")
    nickname: Mapped[str] = mapped_column(String(500), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    unit_label: Mapped[str] = mapped_column(String(60), default="")
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="")
    interval: Mapped[str] = mapped_column(String(10), default="")
    interval_count: Mapped[int] = mapped_column(Integer, default=1)
    trial_days: Mapped[int] = mapped_column(Integer, default=0)
    skm: Mapped[str] = mapped_column(Text, default="")
    problem: Mapped[str] = mapped_column(String(20), default="")
    fetched_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class Order(db.Model):
    """A customer's decision to buy a plan, recorded before Stripe hears of it.

    id: opaque; `latchkey_order` in metadata and `client_reference_id`. state: open (the checkout may still be paid),
    waiting (for the bank), paid, failed, expired. attempt: part of the idempotency key of the call that makes the
    checkout; raised when Stripe holds another answer under it. session_url: sealed, and emptied when the order closes.
    stripe_id: the purchase it became (`sub_…` or `cs_…`). Only one open order per customer and plan.
    """

    __tablename__ = "orders"
    __table_args__ = (
        ForeignKeyConstraint(["vendor_id", "customer_id"], ["customers.vendor_id", "customers.id"]),
        Index(
            "uq_orders_open",
            "vendor_id",
            "customer_id",
            "price_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_orders_state", "state", "created_at"),
        Index("ix_orders_session", "vendor_id", "session_id"),
        Index("ix_orders_purchase", "vendor_id", "stripe_id"),
    )

    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    customer_id: Mapped[int] = mapped_column(Integer)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    price_id: Mapped[str] = mapped_column(String(255))
    mode: Mapped[str] = mapped_column(String(12))
    quantity: Mapped[int] = mapped_column(Integer, default=1)
    livemode: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(10), default="open")
    attempt: Mapped[int] = mapped_column(Integer, default=1)
    session_id: Mapped[str] = mapped_column(String(255), default="")
    session_url: Mapped[str] = mapped_column(Text, default="")
    stripe_id: Mapped[str] = mapped_column(String(255), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
