"""Group commit: rows that arrive at once are stored in one transaction, so that they share its fsync."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import OperationalError

Row = dict[str, Any]


class _Waiting:
    """A row on its way. is_stored: only ever set after the commit that holds it."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.is_tried = self.is_stored = False
        self.error: Exception | None = None


class GroupCommit:
    """Threads queue for one turn at writing; whoever has it writes what all of them brought.

    write: stores the rows for good, all or none of them, before it returns.
    """

    def __init__(self, write: Callable[[list[Row]], None]) -> None:
        self._write = write
        self._queue: deque[_Waiting] = deque()
        self._turn = threading.Lock()

    def store(self, row: Row) -> None:
        """Return when the row is stored for good. Raises what hindered it; then it may be tried again."""
        mine = _Waiting(row)
        self._queue.append(mine)
        with self._turn:
            if not mine.is_tried:
                self._write_waiting()
        if not mine.is_stored:
            raise mine.error or RuntimeError("A row was not stored.")

    def _write_waiting(self) -> None:
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        if not self._write_together(batch):
            for one in batch:
                self._write_together([one])

    def _write_together(self, batch: list[_Waiting]) -> bool:
        """Whether nothing is left to try: a row the database refuses must not hinder the others."""
        for one in batch:
            one.is_tried = True
        try:
            self._write([one.row for one in batch])
        except Exception as error:
            for one in batch:
                one.error = error
            return len(batch) == 1 or isinstance(error, OperationalError)
        for one in batch:
            one.is_stored = True
        return True
