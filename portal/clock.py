"""The only place that asks for the time, so that tests and the demo can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_offset = timedelta(0)


def now() -> datetime:
    """The current time, aware, UTC, to the microsecond."""
    return datetime.now(UTC) + _offset


def unix() -> int:
    """The current time in whole seconds since 1970."""
    return int(now().timestamp())


def monotonic() -> float:
    """Seconds of a clock that never goes back; for durations only."""
    return time.monotonic()


def move(by: timedelta) -> None:
    """Shift `now` by an amount. For tests; the app refuses offsets in production."""
    global _offset
    _offset += by


def reset() -> None:
    """Undo every `move`."""
    global _offset
    _offset = timedelta(0)
