"""How often something may be tried: named limits in one table, counted where every process sees it.

Counting is the `limits` library's fixed window; the storage is our own table, or Redis where it is set.
A window always ends by itself: nobody is locked out for good.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import TypeVar

from flask import current_app, request
from flask_babel import gettext as _
from flask_babel import ngettext
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Index, Integer, String, bindparam, case, delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock, crypto, logging, unit_of_work
from portal.database import UtcDateTime
from portal.errors import Throttled
from portal.extensions import db

# name → how often per subject. One subject is an address, a network, a vendor or the whole installation.
LIMITS = {
    "sign_in_address": "10 per 10 minutes",
    "sign_in_network": "300 per 10 minutes",
    "code_address": "10 per 10 minutes; 50 per day",
    "code_network": "200 per 10 minutes",
    "code_vendor": "3000 per hour",
    "second_step_address": "10 per 10 minutes; 100 per day",
    "code_try": "30 per 10 minutes; 200 per day",
    "code_try_network": "100 per 10 minutes",
    "sign_up_network": "200 per 10 minutes",
    "password_change": "10 per 10 minutes",
    "link_try": "60 per minute",
    "bind": "30 per 10 minutes",
    "ask_vendor": "10 per hour",
    "billing": "30 per minute",
    "billing_return": "30 per minute",
    "checkout": "20 per minute; 200 per day",
}
SWEEP = 500
Answer = TypeVar("Answer")


class ThrottleCounter(db.Model):  # type: ignore[name-defined]
    """How often something was tried in a window; shared by every process."""

    __tablename__ = "throttle_counters"
    __table_args__ = (Index("ix_throttle_counters_expires_at", "expires_at"),)

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    count: Mapped[int] = mapped_column(Integer, default=0)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


def hit(name: str, *subjects: object) -> None:
    """Count a try. Raises Throttled once the named limit is used up.

    subjects: whom to count it for; hashed in the key. Call it before any other statement of the request.
    """
    subject = _subject(subjects)
    for item in parse_many(LIMITS[name]):
        seconds = _ask(partial(_count, item, name, subject))
        if seconds is not None:
            raise _refusal(seconds)


def forget(name: str, *subjects: object) -> None:
    """Start a count afresh, after the person has proved who they are."""
    subject = _subject(subjects)
    for item in parse_many(LIMITS[name]):
        _ask(partial(_clear, item, name, subject))


def network() -> str:
    """The caller's network as a subject: the IPv4 address, or the /64 of an IPv6 address."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return ""
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def wait(seconds: float) -> str:
    """A waiting time in words, rounded up."""
    whole = max(1, ceil(seconds))
    if whole < 90:
        return ngettext("%(num)s second", "%(num)s seconds", whole)
    minutes = ceil(whole / 60)
    if minutes < 90:
        return ngettext("%(num)s minute", "%(num)s minutes", minutes)
    return ngettext("%(num)s hour", "%(num)s hours", ceil(minutes / 60))


def _refusal(seconds: float) -> Throttled:
    text = _(
        "There were too many tries. Wait %(time)s, then try again. Nothing is locked for good.", time=wait(seconds)
    )
    return Throttled(text, retry_after=max(1, ceil(seconds)))


def _subject(subjects: tuple[object, ...]) -> str:
    return crypto.keyed_digest("\0".join(str(subject) for subject in subjects), "throttle")[:40]


def _clear(item: RateLimitItem, name: str, subject: str, limiter: FixedWindowRateLimiter) -> None:
    limiter.clear(item, name, subject)


def _count(item: RateLimitItem, name: str, subject: str, limiter: FixedWindowRateLimiter) -> float | None:
    """Count a try; returns None if it is allowed, else how many seconds to wait."""
    if limiter.hit(item, name, subject):
        return None
    return limiter.get_window_stats(item, name, subject).reset_time - clock.now().timestamp()


def _ask(question: Callable[[FixedWindowRateLimiter], Answer]) -> Answer:
    """Put a question to Redis where it is set, and to the database while Redis does not answer."""
    in_redis, in_database = limiters()
    if in_redis is not None:
        try:
            return question(in_redis)
        except StorageError as error:
            logging.get().warning("Redis does not answer; throttling in the database", error=str(error))
    return question(in_database)


def limiters() -> tuple[FixedWindowRateLimiter | None, FixedWindowRateLimiter]:
    """The limiters of the running app: Redis if it is set, and the database."""
    known = current_app.extensions
    if "throttle" not in known:
        url = crypto.settings().redis_url
        in_redis = FixedWindowRateLimiter(storage_from_string(url, wrap_exceptions=True)) if url else None
        known["throttle"] = (in_redis, FixedWindowRateLimiter(SqlStorage()))
    found: tuple[FixedWindowRateLimiter | None, FixedWindowRateLimiter] = known["throttle"]
    return found


class SqlStorage(Storage):
    """Counters in our own database; each change is a short transaction of its own."""

    STORAGE_SCHEME = None

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library may wrap."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a counter, or start it again where its window is over; returns the count."""
        now = clock.now()
        facts = {"key": key, "now": now, "ends": now + timedelta(seconds=expiry), "amount": amount}
        with unit_of_work.own_transaction() as connection:
            count = int(connection.execute(_raise_statement(), facts).scalar_one())
        if count == amount:
            self._sweep(now)
        return count

    def get(self, key: str) -> int:
        """The count of the running window."""
        row = self._row(key)
        return row[0] if row else 0

    def get_expiry(self, key: str) -> float:
        """When the running window ends, in seconds since 1970; now where none runs."""
        row = self._row(key)
        return (row[1] if row else clock.now()).timestamp()

    def check(self) -> bool:
        """Whether the table can be read."""
        self._row("")
        return True

    def reset(self) -> int:
        """Forget every count."""
        with unit_of_work.own_transaction() as connection:
            return connection.execute(delete(ThrottleCounter)).rowcount

    def clear(self, key: str) -> None:
        """Forget one count."""
        with unit_of_work.own_transaction() as connection:
            connection.execute(delete(ThrottleCounter).where(ThrottleCounter.key == key))

    def _row(self, key: str) -> tuple[int, datetime] | None:
        statement = select(ThrottleCounter.count, ThrottleCounter.expires_at).where(
            ThrottleCounter.key == key, ThrottleCounter.expires_at > clock.now()
        )
        with unit_of_work.own_transaction() as connection:
            row = connection.execute(statement).first()
        return (row[0], row[1]) if row else None

    def _sweep(self, now: datetime) -> None:
        # Whoever opens a window carries away what is over. Rows somebody else holds are left to them.
        over = (
            select(ThrottleCounter.key)
            .where(ThrottleCounter.expires_at <= now)
            .order_by(ThrottleCounter.expires_at)
            .limit(SWEEP)
            .with_for_update(skip_locked=True)
        )
        with unit_of_work.own_transaction() as connection:
            connection.execute(delete(ThrottleCounter).where(ThrottleCounter.key.in_(over)))


def _raise_statement():  # type: ignore[no-untyped-def]
    if db.engine.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    table = ThrottleCounter
    fresh = insert(table).values(key=bindparam("key"), count=bindparam("amount"), expires_at=bindparam("ends"))
    is_over = table.expires_at <= bindparam("now", type_=UtcDateTime)
    return fresh.on_conflict_do_update(
        index_elements=[table.key],
        set_={
            "count": case((is_over, fresh.excluded.count), else_=table.count + fresh.excluded.count),
            "expires_at": case((is_over, fresh.excluded.expires_at), else_=table.expires_at),
        },
    ).returning(table.count)
