"""Times and amounts as people read them; Jinja filters of the same names."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date as babel_date
from babel.dates import format_datetime as babel_datetime
from babel.numbers import format_currency, get_currency_precision
from flask import Flask, g
from flask_babel import get_locale

# Of Stripe's currencies (docs.stripe.com/currencies); ISK and UGX have two decimals there.
_WITHOUT_DECIMALS = re.compile("BIF|CLP|DJF|GNF|JPY|KMF|KRW|MGA|PYG|RWF|VND|VUV|XAF|XOF|XPF")
_THREE_DECIMALS = re.compile("BHD|JOD|KWD|OMR|TND")


def init_app(app: Flask) -> None:
    """Make the formatters Jinja filters."""
    app.jinja_env.filters.update(day=day, iso_day=iso_day, moment=moment, money=money, masked_key=masked_key)


def time_zone() -> str:
    """The vendor's time zone name, else UTC."""
    return getattr(g.get("vendor"), "time_zone", None) or "UTC"


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """A time zone by its name. UTC needs no time zone data on the machine."""
    return UTC if name == "UTC" else ZoneInfo(name)


def day(at: datetime | None) -> str:
    """A date such as *Mar 4, 2026*, in the vendor's time zone; empty for None."""
    if at is None:
        return ""
    return date_in(str(get_locale() or "en"), at.astimezone(zone(time_zone())).date())


def iso_day(text: str) -> str:
    """The date of a time that a mail's context holds as ISO 8601 text; empty for an empty text."""
    return day(datetime.fromisoformat(text)) if text else ""


def moment(at: datetime | None) -> str:
    """A date and time with its zone, in the vendor's time zone; empty for None."""
    if at is None:
        return ""
    return babel_datetime(at, "medium", tzinfo=zone(time_zone()), locale=str(get_locale() or "en"))


def money(amount_minor: int | None, currency: str) -> str:
    """An amount in minor units (cents; none for JPY) with its currency, such as *€19.00*; empty for None."""
    if amount_minor is None:
        return ""
    return money_in(str(get_locale() or "en"), amount_minor, currency)


@lru_cache(maxsize=4096)
def money_in(locale: str, amount_minor: int, currency: str) -> str:
    """The same for a page that knows its language."""
    currency = currency.upper()
    decimals = decimals_of(currency)
    major = Decimal(amount_minor).scaleb(-decimals)
    # The language's own habit drops decimals that some currencies have at Stripe.
    usual = decimals == get_currency_precision(currency)
    return str(format_currency(major, currency, locale=locale, currency_digits=usual))


def decimals_of(currency: str) -> int:
    """How many decimals an amount in minor units has at Stripe."""
    if _WITHOUT_DECIMALS.fullmatch(currency.upper()):
        return 0
    return 3 if _THREE_DECIMALS.fullmatch(currency.upper()) else 2


def masked_key(key: str) -> str:
    """A license key of which only the last group shows."""
    return "•••••-•••••-•••••-" + key[-5:]


@lru_cache(maxsize=4096)
def date_in(locale: str, when: date) -> str:
    """A calendar date in a language."""
    return str(babel_date(when, "medium", locale=locale))
