"""Waiting for SQLite's write lock."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import write_lock

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that has the lock."""
    connection = _connect(tmp_path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE words (word TEXT)")
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


@pytest.fixture
def waiting(holder: sqlite3.Connection, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another one, that wants it."""
    connection = _connect(tmp_path)
    yield connection
    connection.close()


def test_it_is_taken_as_soon_as_somebody_looks_again(
    holder: sqlite3.Connection, waiting: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            holder.execute("COMMIT")

    monkeypatch.setattr(time, "sleep", pause)
    write_lock.take(waiting, "INSERT INTO words VALUES (?)", ("taken",))

    assert pauses == [write_lock.LOOKS_AGAIN_AFTER] * 3
    assert holder.execute("SELECT word FROM words").fetchall() == [("taken",)]


def test_who_waits_in_vain_is_told_so_and_is_patient_again(
    holder: sqlite3.Connection, waiting: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_lock, "WAITS_AT_MOST", 0.01)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_lock.take(waiting, "BEGIN IMMEDIATE")

    assert waiting.execute("PRAGMA busy_timeout").fetchone() == (10_000,)


def test_what_is_wrong_otherwise_is_not_tried_again(
    waiting: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it waited"))

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        write_lock.take(waiting, "INSERT INTO nowhere VALUES (1)")


def _connect(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "lock.sqlite3", isolation_level=None, timeout=0)
