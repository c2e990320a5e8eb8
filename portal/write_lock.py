"""SQLite's one write lock: whoever waits for it looks every half millisecond.

SQLite by itself looks again after 1, 2, 5, 10, … up to 100 ms, so that processes that write by turns sleep past the
moments in which it is free.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from portal import clock

WAITS_AT_MOST, LOOKS_AGAIN_AFTER = 10.0, 0.0005  # seconds
PATIENT = f"PRAGMA busy_timeout={int(WAITS_AT_MOST * 1000)}"  # for all else that may find the database locked
IMPATIENT = "PRAGMA busy_timeout=0"


def take(driver: sqlite3.Connection, statement: str, values: Any = ()) -> None:
    """Run the statement that takes the lock. Raises sqlite3.OperationalError if it is not free in time."""
    until = clock.monotonic() + WAITS_AT_MOST
    driver.execute(IMPATIENT)
    try:
        while not _is_run(driver, statement, values, is_last=clock.monotonic() >= until):
            time.sleep(LOOKS_AGAIN_AFTER)
    finally:
        driver.execute(PATIENT)


def _is_run(driver: sqlite3.Connection, statement: str, values: Any, *, is_last: bool) -> bool:
    """False where somebody else has the lock, and this is not the last try."""
    try:
        driver.execute(statement, values)
    except sqlite3.OperationalError as error:
        if is_last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
