"""A subscription as a customer reads it: price, state, what happens to the key, and which steps make sense."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from portal import clock
from portal.billing.words import Words, distance, one_of, per_period, words
from portal.formatters import date_in, money_in, zone
from portal.i18n import page_language
from portal.licenses.states import has_ended
from portal.vendors.service import VendorProfile


@dataclass(frozen=True, slots=True)
class Reading:
    """How one page reads: language, time zone, the moment and its day."""

    locale: str
    zone: tzinfo
    now: datetime
    today: date
    words: Words

    def days_from_today(self, at: datetime) -> str:
        """How far a moment's day is, in words, and the date: *in 23 days, Dec 14, 2026*."""
        when = at.astimezone(self.zone).date()
        return _from_today(self.locale, self.today, when)


@lru_cache(maxsize=8192)
def _from_today(locale: str, today: date, when: date) -> str:
    return f"{distance((when - today).days, locale)}, {date_in(locale, when)}"


def reading_for(vendor: VendorProfile) -> Reading:
    """How this request reads: the page's language, the vendor's time zone."""
    language, place, now = page_language(), zone(vendor.time_zone or "UTC"), clock.now()
    return Reading(language, place, now, now.astimezone(place).date(), words(language))


class Facts(NamedTuple):
    """A subscription as stored; fields as in `billing.models.Subscription`.

    ends_at: when it ended or will end. keys: how many licenses it pays.
    """

    stripe_id: str
    status: str
    plan_name: str
    amount_minor: int | None
    currency: str
    interval: str
    interval_count: int
    period_end: datetime | None
    ends_at: datetime | None
    keys: int = 1

    @property
    def is_over(self) -> bool:
        return has_ended(self.status)


class Told(NamedTuple):
    """A subscription in words.

    key: what becomes of the license. steps: `change`, `pay`, `keep`, `manage`, or empty when there is nothing left to
    do. share: that it pays other licenses too, or empty.
    """

    id: str
    plan: str
    price: str
    status: str
    key: str
    steps: str
    is_over: bool
    share: str


def tell(
    facts: Facts,
    reading: Reading,
    blocked: bool = False,
    expired: bool = False,
    expires_at: datetime | None = None,
    why: str = "",
) -> Told:
    """Put a subscription into words.

    blocked, expired, expires_at: of its license; None for one that never expires. why: it is blocked, said elsewhere.
    """
    stripe_id, status, *plan, period_end, ends_at, keys = facts
    zone = reading.zone
    sentences = _sentences(
        reading.locale,
        status,
        period_end.astimezone(zone).date() if period_end else None,
        ends_at.astimezone(zone).date() if ends_at else None,
        expires_at.astimezone(zone).date() if expires_at else None,
    )
    key = "" if why else sentences[1]
    if blocked and not why and not facts.is_over:
        key = reading.words.key_blocked
    elif expired and not why and not facts.is_over:
        key = reading.words.key_expired
    share = one_of(keys, reading.locale) if keys > 1 else ""
    price = _price(reading.locale, *plan)
    return Told(stripe_id, facts.plan_name, price, sentences[0], key, sentences[2], facts.is_over, share)


@lru_cache(maxsize=4096)
def _price(
    locale: str, plan_name: str, amount_minor: int | None, currency: str, interval: str, interval_count: int
) -> str:
    if amount_minor is None:
        return plan_name
    return per_period(money_in(locale, amount_minor, currency), interval, interval_count, locale)


@lru_cache(maxsize=8192)
def _sentences(
    locale: str, status: str, period_end: date | None, ends_on: date | None, key_until: date | None
) -> tuple[str, str, str]:
    """Status, what becomes of the key, and the steps; the same for all subscriptions of a plan and a day."""
    text = words(locale)
    if has_ended(status):
        return _over(text, locale, status, ends_on), text.key_after_end, ""
    if status in ("active", "trialing"):
        if ends_on is not None:
            is_free = status == "trialing" and period_end is not None and ends_on <= period_end
            said = text.free_then_ends if is_free else text.ends
            works_until = {"day": date_in(locale, min(ends_on, key_until or ends_on))}
            return said % {"day": date_in(locale, ends_on)}, text.key_ends % works_until, "keep"
        return _running(text, locale, status, period_end, key_until)
    if status in ("past_due", "unpaid"):
        return (text.past_due if status == "past_due" else text.unpaid), text.key_past_due, "pay"
    if status == "paused":
        return text.paused, text.key_paused, "manage"
    if status == "incomplete":
        return text.incomplete, text.key_incomplete, "manage"
    return text.other_status % {"status": status}, text.key_other, "manage"


def _over(text: Words, locale: str, status: str, ended_on: date | None) -> str:
    if status == "incomplete_expired":
        return text.never_paid
    return text.ended % {"day": date_in(locale, ended_on)} if ended_on else text.ended_some_day


def _running(
    text: Words, locale: str, status: str, period_end: date | None, key_until: date | None
) -> tuple[str, str, str]:
    until = {"day": date_in(locale, period_end)} if period_end else None
    key = _if_over(text, locale, period_end, key_until)
    if status == "trialing":
        return (text.free_until % until if until else text.active), key, "change"
    return (text.renews % until if until else text.active), key, "change"


def _if_over(text: Words, locale: str, period_end: date | None, key_until: date | None) -> str:
    """What a cancellation and a payment that fails do: the days of grace are for the payment alone."""
    if key_until is None:
        return text.if_over_some_day
    day = date_in(locale, key_until)
    if period_end is None or period_end >= key_until:
        return text.if_over % {"day": day}
    return text.if_canceled % {"end": date_in(locale, period_end), "day": day}
