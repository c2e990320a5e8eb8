"""The courier: takes what is due, sends it, notes what happened."""

import http.client
import random
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.sandbox.engine import renewing
from portal.sandbox.ledger import Ledger
from portal.sandbox.webhooks import schedule, sending

if TYPE_CHECKING:
    from portal.sandbox import Sandbox

AT_ONCE = 50
HANDS = 4
LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class Try:
    """One delivery that was tried. status: what the endpoint answered, or None when nothing came back."""

    event: str
    type: str
    url: str
    status: int | None
    answer: str


class Courier:
    """Delivers for one sandbox. post: how a request is sent; tests give their own."""

    def __init__(self, sandbox: "Sandbox", post: sending.Post = sending.post) -> None:
        self.sandbox = sandbox
        self.post = post
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def deliver_due(self, *, limit: int = AT_ONCE, order: random.Random | None = None) -> list[Try]:
        """Try everything that is due once, one after the other. order: shuffles what is due at the same time."""
        found = self._take(limit)
        if order:
            order.shuffle(found)
        return [tried for delivery in found if (tried := self._deliver(delivery))]

    def start(self) -> None:
        """Deliver in the background, several at once, until `stop`."""
        self._thread = threading.Thread(target=self._run, name="sandbox-courier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop delivering."""
        self._stopping.set()
        if self._thread:
            self._thread.join(timeout=15)

    def _run(self) -> None:
        with ThreadPoolExecutor(HANDS, "sandbox-delivery") as pool:
            while not self._stopping.is_set():
                with suppress(OSError, sqlite3.OperationalError):  # the file is busy: look again
                    found = self._take(AT_ONCE)
                    list(pool.map(self._deliver, found))
                    if found:
                        continue
                self._stopping.wait(LOOK_SECONDS)

    def _take(self, limit: int) -> list[schedule.Delivery]:
        now = self.sandbox.clock()
        renewing.catch_up(self.sandbox.store, now, self.sandbox.public_url)
        with self.sandbox.store.transaction() as connection:
            return schedule.claim(connection, now, limit)

    def _deliver(self, delivery: schedule.Delivery) -> Try | None:
        now = self.sandbox.clock()
        with self.sandbox.store.transaction(write=False) as connection:
            ledger = Ledger(connection, delivery.account, now, self.sandbox.public_url)
            endpoint = ledger.find("webhook_endpoint", delivery.endpoint)
            event = ledger.find("event", delivery.event)
            request = None
            if endpoint and endpoint.get("status") == "enabled":
                request = sending.request_for(ledger, delivery, endpoint, self.sandbox.clock.world())
        if not endpoint or not event or request is None:
            with self.sandbox.store.transaction() as connection:
                schedule.give_up(connection, delivery, now, "the endpoint is disabled or deleted")
            return None
        status, answer = self._send(endpoint["url"], *request)
        delivered = status is not None and 200 <= status < 300
        with self.sandbox.store.transaction() as connection:
            schedule.report(connection, delivery, now, answer, delivered=delivered)
        return Try(event["id"], event["type"], endpoint["url"], status, answer)

    def _send(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int | None, str]:
        if not sending.is_loopback(url):
            return None, "not sent: the sandbox delivers to this machine only"
        try:
            status = self.post(url, body, headers)
        except (OSError, http.client.HTTPException) as error:
            return None, f"no answer: {type(error).__name__}"
        return status, f"HTTP {status}"
