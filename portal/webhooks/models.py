"""The inbox: every event Stripe has told us, and how far we are with it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db


class StripeEvent(db.Model):
    """An event as it was received; its body is only a hint, what counts is read from Stripe again.

    sha256: of the raw body; one event id with two bodies makes two rows. raw: sealed. subject: the purchase it is about
    (`sub_…`, `cs_…`, `in_…`, `pi_…` or `cus_…`); events of one subject share one re-reading. account: set for events of
    a connected account only. state: received, done, ignored (not ours) or parked (given up, with the reason in
    last_error); a received one with a lease is being worked on, and only the worker with the current fence may end it.
    is_fetched: it did not come by itself but by the sweep.
    """

    __tablename__ = "stripe_events"
    __table_args__ = (
        UniqueConstraint("vendor_id", "event_id", "sha256", name="uq_stripe_events_event_id"),
        Index("ix_stripe_events_due", "state", "available_at", "id"),  # the next one is found without sorting
        Index("ix_stripe_events_vendor", "vendor_id", "id"),
        Index("ix_stripe_events_subject", "vendor_id", "subject", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"))
    event_id: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    raw: Mapped[str] = mapped_column(Text, deferred=True)  # up to a megabyte, and lists of events do without
    type: Mapped[str] = mapped_column(String(120))
    object_id: Mapped[str] = mapped_column(String(255), default="")
    subject: Mapped[str] = mapped_column(String(255), default="")
    livemode: Mapped[bool | None] = mapped_column(Boolean)
    account: Mapped[str] = mapped_column(String(60), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    state: Mapped[str] = mapped_column(String(10), default="received")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    fence: Mapped[int] = mapped_column(Integer, default=0)
    last_error: Mapped[str] = mapped_column(Text, default="")
    available_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    is_fetched: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
