"""Billing periods: when the next one ends, counted from an anchor so that months keep their day."""

import calendar
from datetime import UTC, datetime, timedelta

from portal.sandbox.ledger import Document

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


def shifted(anchor: int, interval: str, steps: int) -> int:
    """The anchor moved by so many intervals; the 31st becomes the last day of a shorter month."""
    start = datetime.fromtimestamp(anchor, UTC)
    if interval in DAYS:
        return int((start + timedelta(days=DAYS[interval] * steps)).timestamp())
    month = start.month - 1 + MONTHS[interval] * steps
    year, month = start.year + month // 12, month % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def end_after(anchor: int, recurring: Document, moment: int) -> int:
    """The first period boundary later than this moment."""
    interval, count = recurring["interval"], recurring["interval_count"]
    average = {"day": 86_400, "week": 604_800, "month": 2_629_746, "year": 31_556_952}[interval] * count
    steps = max(1, (moment - anchor) // average - 1)
    while shifted(anchor, interval, steps * count) <= moment:
        steps += 1
    return shifted(anchor, interval, steps * count)
