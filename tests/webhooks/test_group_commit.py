"""Rows that arrive at once are stored together: each is stored before its `store` returns, and fails on its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from portal.webhooks.group_commit import GroupCommit, Row

pytestmark = pytest.mark.sqlite_only


class Slow:
    """A database that answers when it is told to."""

    def __init__(self, refuse: Callable[[list[Row]], BaseException | None] = lambda rows: None) -> None:
        self.batches: list[list[int]] = []
        self.refuse = refuse
        self.began, self.go_on = threading.Event(), threading.Event()

    def write(self, rows: list[Row]) -> None:
        """Wait, then store all of them or raise."""
        self.began.set()
        assert self.go_on.wait(10)
        if (error := self.refuse(rows)) is not None:
            raise error
        self.batches.append([row["id"] for row in rows])


class Counted(deque[Any]):
    """A queue that says when somebody has come."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = threading.Semaphore(0)

    def append(self, one: Any) -> None:
        """Queue, then say so."""
        super().append(one)
        self.arrived.release()


def crowd(slow: Slow, ids: range) -> list[BaseException | None]:
    """One thread writes, the others come meanwhile; what each of them met."""
    group = GroupCommit(slow.write)
    group._queue = queue = Counted()

    def bring(number: int) -> BaseException | None:
        try:
            group.store({"id": number})
        except BaseException as error:
            return error
        return None

    with ThreadPoolExecutor(len(ids)) as threads:
        first = threads.submit(bring, ids[0])
        assert slow.began.wait(10)
        others = [threads.submit(bring, number) for number in ids[1:]]
        assert all(queue.arrived.acquire(timeout=10) for _ in ids)
        slow.go_on.set()
        return [one.result(10) for one in (first, *others)]


def test_whoever_comes_during_a_write_shares_the_next_one() -> None:
    slow = Slow()

    assert crowd(slow, range(6)) == [None] * 6
    assert [sorted(batch) for batch in slow.batches] == [[0], [1, 2, 3, 4, 5]]


def test_a_row_that_is_refused_does_not_hinder_the_others() -> None:
    slow = Slow(lambda rows: ValueError("3") if any(row["id"] == 3 for row in rows) else None)

    met = crowd(slow, range(6))

    assert [number for number, error in enumerate(met) if error] == [3]
    assert sorted(number for batch in slow.batches for number in batch) == [0, 1, 2, 4, 5]


def test_nobody_is_told_of_success_while_the_database_is_away() -> None:
    away = OperationalError("INSERT", None, Exception("locked"))
    tries: list[int] = []
    slow = Slow(lambda rows: tries.append(len(rows)) or away)

    met = crowd(slow, range(6))

    assert met == [away] * 6
    assert tries == [1, 5], "no row is tried by itself: each try may take as long as the time-out"


def test_a_writer_that_dies_takes_nobody_for_stored() -> None:
    slow = Slow(lambda rows: SystemExit() if len(rows) > 1 else None)

    met = crowd(slow, range(6))

    assert met[0] is None
    assert sorted(type(error).__name__ for error in met[1:]) == ["RuntimeError"] * 4 + ["SystemExit"]
    assert slow.batches == [[0]]
