"""The sandbox's own clock: Unix seconds, which may run ahead of the world's."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portal.sandbox.store import Store

Clock = Callable[[], int]
OFFSET = "clock_offset"


def system_clock() -> int:
    """The current time in Unix seconds."""
    return int(time.time())


class MovedClock:
    """The world's clock plus what somebody moved it by; kept in the sandbox's file."""

    def __init__(self, world: Clock, store: "Store") -> None:
        self.world = world
        self._store = store
        self._offset = int(store.setting(OFFSET) or 0)

    def __call__(self) -> int:
        """Now, in the sandbox."""
        return self.world() + self._offset

    @property
    def offset(self) -> int:
        """Seconds by which the sandbox is ahead."""
        return self._offset

    def move(self, seconds: int) -> None:
        """Go forward. What comes due by that happens when somebody next looks."""
        self._offset += seconds
        self._store.set_setting(OFFSET, str(self._offset))
