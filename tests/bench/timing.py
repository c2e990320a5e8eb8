"""Call WSGI apps without a server and measure their CPU time, in turns, so that drift hits all alike."""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ROUNDS, SLICE_SECONDS, WARM_UP = 31, 0.02, 30
Wsgi = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class Timed:
    """Medians of one target over all rounds, in microseconds; ratio: CPU against the first target's, round by round."""

    cpu: float
    wall: float
    ratio: float


def call(app: Wsgi, path: str, cookie: str = "") -> bytes:
    """One GET request; the body."""
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
    }
    if cookie:
        environ["HTTP_COOKIE"] = cookie
    statuses: list[str] = []
    answer = app(environ, lambda status, headers, exc_info=None: statuses.append(status))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    if not statuses[0].startswith("200"):
        raise SystemExit(f"{path}: {statuses[0]}")
    return body


def measure(targets: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, Timed]:
    """Time every target in each round, about 20 ms each; the first one is the yardstick of the ratios."""
    counts = {name: _how_often(target) for name, target in targets.items()}
    cpu: dict[str, list[float]] = {name: [] for name in targets}
    wall: dict[str, list[float]] = {name: [] for name in targets}
    for _ in range(rounds):
        for name, target in targets.items():
            count = counts[name]
            began_cpu, began = time.process_time(), time.perf_counter()
            for _ in range(count):
                target()
            cpu[name].append((time.process_time() - began_cpu) / count * 1e6)
            wall[name].append((time.perf_counter() - began) / count * 1e6)
    yardstick = next(iter(cpu.values()))
    median = statistics.median
    return {
        name: Timed(
            median(cpu[name]), median(wall[name]), median(a / b for a, b in zip(cpu[name], yardstick, strict=True))
        )
        for name in targets
    }


def _how_often(target: Callable[[], object]) -> int:
    for _ in range(WARM_UP):
        target()
    began = time.process_time()
    for _ in range(10):
        target()
    return max(3, int(SLICE_SECONDS * 10 / max(time.process_time() - began, 1e-6)))
