"""One clock for all processes of a lane: the world's time plus seconds in a file that all of them map."""

from __future__ import annotations

import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from portal import clock

_SECONDS = struct.Struct("<d")


class SharedTime:
    """The clock; whoever opens the same file sees every move at once."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_SECONDS.pack(0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SECONDS.size)

    @property
    def ahead(self) -> float:
        """Seconds by which the lane is ahead of the world."""
        return float(_SECONDS.unpack_from(self._memory)[0])

    def move(self, seconds: float) -> None:
        """Go forward."""
        _SECONDS.pack_into(self._memory, 0, self.ahead + seconds)

    def reset(self) -> None:
        """Back to the world's time."""
        _SECONDS.pack_into(self._memory, 0, 0.0)

    def unix(self) -> int:
        """Seconds since 1970."""
        return int(time.time() + self.ahead)

    def now(self) -> datetime:
        """The same as an aware datetime."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def install(self) -> None:
        """Let this process live by it. To be called before any model is imported: they hold on to `clock.now`."""
        clock.now = self.now  # type: ignore[assignment]
