"""Stripe's rules for a product and its price, looked at before Stripe is asked."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask_babel import gettext as _

from portal.billing import plans
from portal.billing.gateway.catalog import NewProduct
from portal.errors import Invalid

LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_DESCRIPTOR, LONGEST_UNIT = 5000, 40_000, 22, 12
LONGEST_URL, MOST_MINOR = 2048, 99_999_999
MOST_INTERVALS = {"day": 1095, "week": 156, "month": 36, "year": 3}  # three years
NO_DECIMALS = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())  # noqa: SIM905
THREE_DECIMALS = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
TAX_BEHAVIORS = ("unspecified", "exclusive", "inclusive")
TAX_CODE = re.compile(r"txcd_[0-9]{8}", re.ASCII)
AMOUNT = re.compile(r"([0-9]{1,8})(?:[.,]([0-9]{1,3}))?", re.ASCII)


def check(product: NewProduct, trial: int) -> None:
    """Stripe's rules, before Stripe is asked. Raises Invalid with the field."""
    _check_text(product.name, LONGEST_NAME, "name")
    _check_text(product.description, LONGEST_DESCRIPTION, "description")
    _check_text(product.unit_label, LONGEST_UNIT, "unit_label")
    _check_image(product.image_url)
    if product.tax_code and not TAX_CODE.fullmatch(product.tax_code):
        raise Invalid(_("A tax code looks like txcd_10103001."), field="tax_code")
    _check_descriptor(product.statement_descriptor)
    if not 0 <= product.amount_minor <= MOST_MINOR:
        raise Invalid(_("Stripe takes at most eight digits."), field="amount")
    if product.interval and not 1 <= product.interval_count <= MOST_INTERVALS.get(product.interval, 0):
        raise Invalid(_("A period is at most three years."), field="interval_count")
    if product.tax_behavior not in TAX_BEHAVIORS:
        raise Invalid(_("There is no such choice."), field="tax_behavior")
    if trial and not product.interval:
        raise Invalid(_("Only a subscription has free days."), field="trial_days")
    check_trial(trial)


def minor_units(text: str, currency: str) -> int:
    """An amount such as 19.00 in the smallest unit of its currency, as Stripe counts it. Raises Invalid."""
    if not re.fullmatch(r"[a-z]{3}", currency, re.ASCII):
        raise Invalid(_("Type the three letters of a currency, such as EUR."), field="currency")
    digits = 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    found = AMOUNT.fullmatch(text.strip())
    fraction = (found.group(2) or "") if found else ""
    if not found or len(fraction) > digits:
        example = ("500", "", "19.00", "19.000")[digits]
        raise Invalid(_("Type an amount such as %(example)s.", example=example), field="amount")
    amount = int(found.group(1)) * 10**digits + int(fraction.ljust(digits, "0") or 0)
    if digits == 3 and amount % 10:
        raise Invalid(_("Stripe wants the last digit of this currency to be 0."), field="amount")
    return amount


def _check_text(text: str, most: int, field: str) -> None:
    if len(text) > most:
        raise Invalid(_("Please use at most %(most)s characters.", most=most), field=field)


def _check_image(url: str) -> None:
    """Stripe fetches the picture, we never do: only its address is looked at."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme == "https" and bool(parts.hostname) and not parts.username and parts.port in (None, 443)
    except ValueError:
        parts, is_plain = urlsplit(""), False
    is_picture = parts.path.lower().endswith((".jpg", ".jpeg", ".png"))
    if not (
        is_plain and is_picture and len(url) <= LONGEST_URL and url.isascii() and url.isprintable() and " " not in url
    ):
        raise Invalid(_("Type the https address of a picture that ends in .jpg, .jpeg or .png."), field="image_url")


def _check_descriptor(text: str) -> None:
    _check_text(text, LONGEST_DESCRIPTOR, "statement_descriptor")
    if not text:
        return
    if not text.isascii() or not text.isprintable() or any(letter in text for letter in "<>\\\"'"):
        raise Invalid(
            _("Use plain letters and digits, without < > \\ \" '."),
            field="statement_descriptor",
        )
    if not any(letter.isalpha() for letter in text):
        raise Invalid(_("Use at least one letter."), field="statement_descriptor")


def check_trial(days: int) -> None:
    """Whether Stripe takes so many free days. Raises Invalid."""
    if not 0 <= days <= plans.MOST_TRIAL_DAYS:
        raise Invalid(_("Type a number from 0 to %(most)s.", most=plans.MOST_TRIAL_DAYS), field="trial_days")
