"""A running sandbox for tests: real HTTP on a free port, a clock that the test moves, and a judge that watches."""

import json
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from portal.sandbox import create_sandbox
from portal.sandbox.server import Server
from portal.sandbox.webhooks import sending
from portal.sandbox.webhooks.courier import Courier, Try
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
            found = json.loads(answer)
            problems = stripe_description.answer_problems(method, path, status, found)
            if status < 300 and path.startswith("/v1/events"):
                for event in found["data"] if path == "/v1/events" else [found]:
                    problems += stripe_description.event_problems(event)
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
    courier: Courier
    connected: dict[str, Any] = field(default_factory=dict)

    def connect(self, origin: str, app: Any) -> None:
        """Webhooks to addresses that begin with this origin go straight into this Flask app, without a socket."""
        self.connected[origin.rstrip("/")] = app

    def deliver_due(self, *, limit: int = 1000, order: random.Random | None = None) -> list[Try]:
        """Try every webhook that is due now, once, and say what came of it. order: shuffles them."""
        return self.courier.deliver_due(limit=limit, order=order)

    def control(self, path: str, /, **given: Any) -> Any:
        """Ask the sandbox's own API: `control("clock", days=3)`, `control("do/refund/ch_…", amount=100)`."""
        response = requests.post(f"{self.url}/_sandbox/{path}", json=given, timeout=30)
        assert response.status_code == 200, response.text
        return response.json()

    def accident(self, kind: str, times: int = 1, **facts: Any) -> None:
        """Order an accident: `accident("lost_reply", path="/v1/customers")`."""
        self.control("accidents", kind=kind, times=times, **facts)

    def state(self) -> Any:
        """What is ordered, waiting, and has happened."""
        return requests.get(f"{self.url}/_sandbox/state", timeout=30).json()

    def pay(self, session: str, means: str = "pm_card_visa", **given: Any) -> Any:
        """Pay a Checkout session (by id) without opening its page."""
        return self.control(f"do/pay/{session}", means=means, **given)

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Send a webhook: into a connected app, else over HTTP."""
        parts = urlsplit(url)
        app = self.connected.get(f"{parts.scheme}://{parts.netloc}")
        if app is None:
            return sending.post(url, body, headers)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        with app.test_client() as client:
            base = f"{parts.scheme}://{parts.netloc}"
            return int(client.post(target, data=body, headers=headers, base_url=base).status_code)

    def forget(self) -> None:
        """Nothing of what is there comes due any more: else each move of the clock renews what earlier tests sold."""
        with self.app.extensions["sandbox"].store.transaction() as connection:
            connection.execute("UPDATE objects SET due_at = NULL WHERE due_at IS NOT NULL")

    def stop(self) -> None:
        """Stop listening."""
        self.courier.stop()
        self.server.stop()


@contextmanager
def running_sandbox(
    directory: Path | None = None, *, clock: MovableClock | None = None, deliver: bool = False, **options: Any
) -> Iterator[RunningSandbox]:
    """A sandbox on a free port, stopped at the end.

    deliver: send webhooks in the background; otherwise only `deliver_due` sends them. options: for `create_sandbox`.
    """
    clock = clock or MovableClock()
    with tempfile.TemporaryDirectory() as fallback:
        path = (directory or Path(fallback)) / "sandbox.sqlite"
        made: list[Judge] = []

        def make_app(url: str) -> Judge:
            made.append(Judge(create_sandbox(path, url, clock=clock, **options)))
            return made[0]

        server = Server(make_app)
        server.start()
        flask = made[0].app
        courier = flask.extensions["courier"]
        running = RunningSandbox(server.url, clock, made[0], server, flask, courier)
        courier.post = running.post
        if deliver:
            courier.start()
        try:
            yield running
        finally:
            running.stop()
