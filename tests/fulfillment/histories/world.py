"""A portal, a sandbox and their common time in one process, put back to the beginning for every history."""

from __future__ import annotations

import contextvars
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import stripe
import structlog
from flask import Flask
from sqlalchemy import event

from portal import clock, failpoints
from portal.billing.gateway import STRIPE_API_VERSION
from portal.extensions import db
from portal.outbox import claims as outbox_claims
from portal.outbox.mail import transports
from portal.outbox.worker import Worker
from portal.sandbox import create_sandbox, ids
from portal.sandbox.ledger import Ledger
from tests.fulfillment.histories.direct import Direct
from tests.support.sandbox_server import START, Judge, MovableClock

ORIGIN = "http://127.0.0.1:9"
KEY = "sk_test_histories0001"
NO_WAITING = {"sqlite": "PRAGMA synchronous=OFF", "postgresql": "SET SESSION synchronous_commit = off"}


class Ticking(datetime):
    """The world's time for the portal: a microsecond later each time somebody looks."""

    world = MovableClock()
    ticks = 0

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        """Now."""
        cls.ticks += 1
        return datetime.fromtimestamp(cls.world.now, UTC) + timedelta(microseconds=cls.ticks % 900_000)


class Dice(random.Random):
    """Stands in for `secrets`, so that a history can be told again."""

    def randbelow(self, limit: int) -> int:
        """A number below the limit."""
        return self.randrange(limit)

    def randbits(self, bits: int) -> int:
        """So many random bits."""
        return self.getrandbits(bits)


@dataclass
class Ear:
    """The logger: keeps the kinds of errors that were logged."""

    heard: list[BaseException] = field(default_factory=list)

    def warning(self, _event: str, *, exc_info: BaseException | None = None, **_facts: Any) -> None:
        """Listen."""
        if exc_info is not None:
            self.heard.append(exc_info)

    error = warning

    def info(self, _event: str, **_facts: Any) -> None:
        """Not interesting."""


@dataclass(frozen=True)
class Letter:
    """A mail that left the house."""

    id: str
    name: str
    to: str
    text: str

    @property
    def key(self) -> str:
        """The license key in it."""
        found = re.search(r"\b[A-Z]{5}(?:-[A-Z]{5}){3}\b", self.text)
        return found[0] if found else ""

    @property
    def day(self) -> str:
        """The day until which the license runs, as it is written."""
        found = re.search(r"It runs until (.+)\.", self.text)
        return found[1] if found else ""


@dataclass
class World:
    """Everything of one process that tells histories.

    fate: at how many more failpoints the worker dies, if at all. meanwhile: what happens elsewhere while the worker
    waits for the answer of a later call, and of which.
    """

    app: Flask
    sandbox: Flask
    judge: Judge
    time: MovableClock
    ear: Ear = field(default_factory=Ear)
    letters: list[Letter] = field(default_factory=list)
    killed_at: Counter[str] = field(default_factory=Counter)
    fate: int | None = None
    meanwhile: tuple[int, Callable[[], None]] | None = None
    dice: Dice = field(default_factory=Dice)

    def __post_init__(self) -> None:
        self.v1 = stripe.StripeClient(
            KEY,
            stripe_version=STRIPE_API_VERSION,
            base_addresses={"api": ORIGIN},
            http_client=Direct(self.judge),
            max_network_retries=0,
        ).v1
        self.sandbox.extensions["courier"].post = self._door

    @property
    def desk(self) -> Any:
        """What steers the sandbox."""
        return self.sandbox.extensions["sandbox"]

    @property
    def courier(self) -> Any:
        """Who brings the webhooks."""
        return self.sandbox.extensions["courier"]

    @contextmanager
    def books(self) -> Iterator[Ledger]:
        """What Stripe knows, read beside its API."""
        with self.desk.store.transaction(write=False) as connection:
            account = connection.execute("SELECT id FROM accounts").fetchone()["id"]
            yield Ledger(connection, account, self.time.now, ORIGIN)

    def now(self) -> datetime:
        """The common time, to the second."""
        return datetime.fromtimestamp(self.time.now, UTC)

    def move(self, **amount: float) -> None:
        """Time goes by, at both ends; what comes due at Stripe happens."""
        from portal.sandbox.engine import renewing

        self.time.move(**amount)
        renewing.catch_up(self.desk.store, self.desk.clock(), self.desk.public_url)

    def work(self, fate: int | None = None, meanwhile: tuple[int, Callable[[], None]] | None = None) -> bool:
        """A worker does everything that is due, or dies at a failpoint. Whether it lived."""
        self.fate, self.meanwhile = fate, meanwhile
        try:
            self.apart(Worker(self.app).drain)
            return True
        except failpoints.Killed:
            return False
        finally:
            self.fate = self.meanwhile = None

    @staticmethod
    def apart(act: Callable[[], Any]) -> Any:
        """Do something as another process would: nothing of this context is seen."""
        return contextvars.Context().run(act)

    def in_app(self, act: Callable[[], Any]) -> Any:
        """Do something in an app context of its own."""

        def inside() -> Any:
            with self.app.app_context():
                return act()

        return self.apart(inside)

    def reach(self, name: str) -> None:
        """A failpoint was reached."""
        if self.fate is None:
            return
        self.fate -= 1
        if self.fate < 0:
            self.fate = None
            self.killed_at[name] += 1
            raise failpoints.Killed(name)

    def answered(self) -> None:
        """Stripe has answered the portal; the portal does not know yet."""
        if self.meanwhile is None:
            return
        left, act = self.meanwhile
        self.meanwhile = (left - 1, act) if left else None
        if not left:
            act()

    def take_letter(self, message: EmailMessage, mail_url: str) -> None:
        """The mail server."""
        name = str(message["List-Id"]).strip("<>").partition(".")[0].replace("-", "_")
        text = message.get_body(("plain",))
        assert text is not None
        self.letters.append(Letter(str(message["Message-ID"]), name, str(message["To"]), text.get_content()))

    def _door(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}"

        def post() -> int:
            with self.app.test_client() as client:
                return int(client.post(target, data=body, headers=headers).status_code)

        try:
            return int(self.apart(post))
        except failpoints.Killed as death:
            raise OSError("no answer") from death


@contextmanager
def open_world(app: Flask) -> Iterator[World]:
    """A world around an app whose Stripe address is ORIGIN. Only time, mail and Stripe's transport are replaced."""
    _write_without_waiting(app)
    time = MovableClock(START)
    sandbox = create_sandbox(":memory:", ORIGIN, clock=time)
    dice = Dice(1)
    world = World(app, sandbox, Judge(sandbox), time, dice=dice)
    Ticking.world = time
    with (
        mock.patch.object(clock, "datetime", Ticking),
        mock.patch.object(stripe, "RequestsClient", lambda **_limits: Direct(world.judge, world.answered)),
        mock.patch.object(transports, "send", world.take_letter),
        mock.patch.object(failpoints, "reach", world.reach),
        mock.patch.object(outbox_claims, "secrets", dice),
        mock.patch.object(ids, "secrets", dice),
        mock.patch.object(structlog, "get_logger", lambda *_given: world.ear),
    ):
        yield world


def _write_without_waiting(app: Flask) -> None:
    """Commits need not wait for the disk: processes die here, machines do not."""

    def be_quick(connection: Any, _record: Any) -> None:
        connection.cursor().execute(NO_WAITING[engine.dialect.name])
        connection.commit()

    with app.app_context():
        engine = db.engine
        event.listen(engine, "connect", be_quick)
        engine.dispose()
