"""A subscription as a customer reads it: price, state, what happens to the key, and which steps make sense."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from babel.dates import get_timezone

from portal import clock
from portal.billing.words import Words, days_long, distance, per_period, words
from portal.formatters import date_in, money_in, time_zone
from portal.i18n import page_language
from portal.licenses.states import has_ended
from portal.vendors.service import VendorProfile


@dataclass(frozen=True, slots=True)
class Reading:
    """How one page reads: language, time zone, the vendor's days of grace, the moment and its day."""

    locale: str
    zone: tzinfo
    grace_days: int
    now: datetime
    today: date
    words: Words

    def day(self, at: datetime) -> str:
        """A date as this page writes it."""
        return date_in(self.locale, at.astimezone(self.zone).date())

    def days_from_today(self, at: datetime) -> str:
        """How far a moment's day is, in words, and the date: *in 23 days, Dec 14, 2026*."""
        when = at.astimezone(self.zone).date()
        return f"{distance((when - self.today).days, self.locale)}, {date_in(self.locale, when)}"


def reading_for(vendor: VendorProfile) -> Reading:
    """How this request reads: the page's language, the vendor's time zone."""
    language, place, now = page_language(), get_timezone(time_zone()), clock.now()
    return Reading(language, place, vendor.switches.grace_days, now, now.astimezone(place).date(), words(language))


class Facts(NamedTuple):
    """A subscription as stored; fields as in `billing.models.Subscription`, ends_at: when it ended or will end."""

    stripe_id: str
    status: str
    plan_name: str
    amount_minor: int | None
    currency: str
    interval: str
    interval_count: int
    period_end: datetime | None
    ends_at: datetime | None

    @property
    def is_over(self) -> bool:
        return has_ended(self.status)


class Told(NamedTuple):
    """A subscription in words. steps: `change`, `pay`, `keep`, `manage`, or empty when there is nothing left to do."""

    id: str
    plan: str
    price: str
    status: str
    key: str
    steps: str
    is_over: bool


def tell(facts: Facts, reading: Reading, blocked: bool = False, expired: bool = False) -> Told:
    """Put a subscription into words. blocked, expired: the state of its license."""
    status, key, steps = _state(facts, reading)
    if blocked:
        key = reading.words.key_blocked
    elif expired and not facts.is_over:
        key = reading.words.key_expired
    return Told(facts.stripe_id, facts.plan_name, _price(facts, reading), status, key, steps, facts.is_over)


def _price(facts: Facts, reading: Reading) -> str:
    if facts.amount_minor is None:
        return facts.plan_name
    price = money_in(reading.locale, facts.amount_minor, facts.currency)
    return per_period(price, facts.interval, facts.interval_count, reading.locale)


def _state(facts: Facts, reading: Reading) -> tuple[str, str, str]:
    """Status, what becomes of the key, and the steps."""
    text, status = reading.words, facts.status
    if facts.is_over:
        return _over(facts, reading), text.key_after_end, ""
    if status in ("active", "trialing"):
        return _running(facts, reading)
    if status in ("past_due", "unpaid"):
        return (text.past_due if status == "past_due" else text.unpaid), text.key_past_due, "pay"
    if status == "paused":
        return text.paused, text.key_paused, "manage"
    if status == "incomplete":
        return text.incomplete, text.key_incomplete, "manage"
    return text.other_status % {"status": status}, text.key_other, "manage"


def _over(facts: Facts, reading: Reading) -> str:
    if facts.status == "incomplete_expired":
        return reading.words.never_paid
    if facts.ends_at is None:
        return reading.words.ended_some_day
    return reading.words.ended % {"day": reading.day(facts.ends_at)}


def _running(facts: Facts, reading: Reading) -> tuple[str, str, str]:
    text = reading.words
    if facts.ends_at is not None:
        last = {"day": reading.day(facts.ends_at)}
        return text.ends % last, text.key_ends % last, "keep"
    until = {"day": reading.day(facts.period_end)} if facts.period_end else None
    key = text.if_canceled if until else text.if_canceled_some_day
    if reading.grace_days:
        key = f"{key} {text.if_unpaid % {'days': days_long(reading.grace_days, reading.locale)}}"
    if facts.status == "trialing":
        status = text.free_until % until if until else text.free
    else:
        status = text.renews % until if until else text.active
    return status, key, "change"
