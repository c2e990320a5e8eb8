"""The sandbox's own clock: Unix seconds, replaced in tests by one that can be moved."""

import time
from collections.abc import Callable

Clock = Callable[[], int]


def system_clock() -> int:
    """The current time in Unix seconds."""
    return int(time.time())
