"""A running sandbox for tests: real HTTP on a free port, a clock that the test moves, and a judge that watches."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from portal.sandbox import create_sandbox
from portal.sandbox.server import Server
from tests.support import stripe_description

DAY = 86_400
START = 1_780_000_000  # 28 May 2026, a Thursday: no month end and no leap day nearby


class MovableClock:
    """Unix seconds that stand still until somebody moves them."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def move(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Go forward (or back, with negative values)."""
        self.now += int(days * DAY + hours * 3600 + minutes * 60 + seconds)


@dataclass
class Judge:
    """WSGI middleware that holds every API exchange against Stripe's description.

    Accepted requests must be valid; answers must be valid in closed mode. seen: "METHOD path status" of every exchange.
    """

    app: Any
    problems: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if not path.startswith("/v1/"):
            return self.app(environ, start_response)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = __import__("io").BytesIO(body)
        started: list[str] = []

        def remember(status: str, headers: Any, exc_info: Any = None) -> Any:
            started.append(status)
            return start_response(status, headers, exc_info)

        answer = b"".join(self.app(environ, remember))
        status = int(started[0].split()[0])
        self._judge(environ, path, body, status, answer)
        return [answer]

    def _judge(self, environ: dict[str, Any], path: str, body: bytes, status: int, answer: bytes) -> None:
        method = environ["REQUEST_METHOD"]
        self.seen.append(f"{method} {path} {status}")
        try:
            problems = stripe_description.answer_problems(method, path, status, json.loads(answer))
            if status < 300:
                fields = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
                fields += parse_qsl(body.decode(), keep_blank_values=True)
                problems += stripe_description.request_problems(method, path, fields)
        except Exception as error:
            problems = [f"cannot be judged: {error!r}"]
        self.problems += [f"{method} {path} {status}: {problem}" for problem in problems]


@dataclass
class RunningSandbox:
    """Where it listens, its clock, and what the judge found."""

    url: str
    clock: MovableClock
    judge: Judge
    server: Server
    app: Any

    def stop(self) -> None:
        """Stop listening."""
        self.server.stop()


@contextmanager
def running_sandbox(
    directory: Path | None = None, *, clock: MovableClock | None = None, **options: Any
) -> Iterator[RunningSandbox]:
    """A sandbox on a free port, stopped at the end. options: passed to `create_sandbox`."""
    clock = clock or MovableClock()
    with tempfile.TemporaryDirectory() as fallback:
        path = (directory or Path(fallback)) / "sandbox.sqlite"
        made: list[Judge] = []

        def make_app(url: str) -> Judge:
            made.append(Judge(create_sandbox(path, url, clock=clock, **options)))
            return made[0]

        server = Server(make_app)
        server.start()
        running = RunningSandbox(server.url, clock, made[0], server, made[0].app)
        try:
            yield running
        finally:
            running.stop()
