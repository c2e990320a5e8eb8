"""Where runs happen one after the other: a database, a sandbox, a mailbox, and the nursery with its children."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
import stripe
from flask import Flask, g
from sqlalchemy import create_engine, text

from portal import clock, crypto
from portal.account.models import UserSession
from portal.billing import plan_sync
from portal.billing import service as billing
from portal.billing.gateway import STRIPE_API_VERSION
from portal.extensions import db
from portal.webhooks.event_types import HANDLED
from tests import factories
from tests.crash.mailbox import Mailbox
from tests.crash.plan import EVERYBODY, Run
from tests.crash.shared_time import SharedTime
from tests.support import databases

KEY = "sk_test_crashcrashcrash1"
DOMAIN = "acme.example"
PATIENCE_SECONDS = 60


class Lane:
    """One lane.

    deaths: role and signal of everyone who died in the running run; died_at: the last time. prices: by name. visit: the
    cookie of the customer who is signed in.
    server: the address of a PostgreSQL server; None for SQLite.
    """

    def __init__(self, folder: Path, server: str | None) -> None:
        self.folder, self.server = folder, server
        self.name = "postgresql" if server else "sqlite"
        self.port, self.sandbox_port = _free_port(), _free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.stripe_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.sandbox_file, self.answers = folder / "sandbox.sqlite3", folder / "answers.jsonl"
        self.time = SharedTime(folder / "time")
        self.mailbox = Mailbox()
        self.deaths: list[tuple[str, int]] = []
        self.died_at = self.time.now()
        self.prices: dict[str, str] = {}
        self.customers: list[int] = []
        self.visit = ""
        self._ended = threading.Event()
        self._url = self._database("crash") if server else f"sqlite:///{folder / 'portal.sqlite3'}"
        self.app = databases.make_app(self._url, folder, **self._more())
        self._nursery = self._start_nursery()

    @property
    def client(self) -> stripe.StripeClient:
        """The vendor's own way to Stripe."""
        return stripe.StripeClient(
            KEY,
            stripe_version=STRIPE_API_VERSION,
            base_addresses={"api": self.stripe_url},
            http_client=stripe.RequestsClient(timeout=20),
            max_network_retries=2,
        )

    def prepare(self) -> None:
        """Fill database and sandbox once; each run starts from a copy."""
        template = self._database("template") if self.server else f"sqlite:///{self.folder / 'template.sqlite3'}"
        if self.server:
            self._admin(f"CREATE DATABASE {_name(template)}")
        databases.migrate(template, self.folder)
        self._order(begin={"sandbox": ""}, sweeps=False)
        self.wait_for_stripe()
        secret = self._fill_stripe()
        app = databases.make_app(template, self.folder, **self._more())
        with app.app_context():
            self._fill_database(secret)
            db.session.remove()
            db.engine.dispose()
        self.end()
        for file in (self.sandbox_file, self.folder / "template.sqlite3"):
            if file.exists():
                _settle(file)
        self.sandbox_file.rename(self.folder / "sandbox.template")

    def begin(self, run: Run) -> None:
        """A fresh start for one run."""
        self.time.reset()
        self.deaths, self.died_at = [], self.time.now()
        self.answers.write_bytes(b"")
        self.mailbox.empty(refusals=run.refused_mails)
        _copy(self.folder / "sandbox.template", self.sandbox_file)
        with self.app.app_context():
            db.engine.dispose()
        if self.server:
            self._admin(f"DROP DATABASE IF EXISTS {_name(self._url)} WITH (FORCE)")
            self._admin(f"CREATE DATABASE {_name(self._url)} TEMPLATE {_name(self._database('template'))}")
        else:
            _copy(self.folder / "template.sqlite3", self.folder / "portal.sqlite3")
        wishes = {} if run.is_late else run.wishes
        self._order(begin={"sandbox": "", **{role: wishes.get(role, "") for role in EVERYBODY}}, sweeps=run.sweeps)
        self.wait_for_stripe()

    def arm(self, wishes: dict[str, str]) -> None:
        """Give running processes their failpoints."""
        self._order(arm=wishes)

    def kill(self, roles: tuple[str, ...]) -> None:
        """A kill -9 from outside."""
        self._order(kill=list(roles))

    def end(self) -> None:
        """Kill everybody; returns when they are gone."""
        self._ended.clear()
        self._order(end=True)
        assert self._ended.wait(PATIENCE_SECONDS), "the nursery does not answer"

    def close(self) -> None:
        """Clean up."""
        assert self._nursery.stdin
        self._nursery.stdin.close()
        self._nursery.wait(PATIENCE_SECONDS)
        self.mailbox.close()
        with self.app.app_context():
            db.engine.dispose()
        if self.server:
            for url in (self._url, self._database("template")):
                self._admin(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")

    def control(self, path: str, /, **given: Any) -> dict[str, Any]:
        """Ask the sandbox's own API."""
        answer = requests.post(f"{self.stripe_url}/_sandbox/{path}", json=given, timeout=20)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @contextmanager
    def database(self) -> Iterator[Flask]:
        """Look into the portal's database, without the lock that those at work there need."""
        with self.app.app_context():
            g.read_only = True
            yield self.app

    def undelivered(self) -> int:
        """Webhooks that Stripe has not got rid of."""
        with closing(sqlite3.connect(self.sandbox_file, timeout=10)) as file:
            return int(file.execute("SELECT count(*) FROM deliveries WHERE state = 'pending'").fetchone()[0])

    def wait_for_stripe(self) -> None:
        """Until the sandbox answers."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.sandbox_port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < until, "the sandbox does not start"
                time.sleep(0.005)

    def _fill_stripe(self) -> str:
        v1 = self.client.v1
        product = v1.products.create({"name": "Widget Studio", "metadata": {"skm_product_id": "1"}}).id
        base: Any = {"product": product, "currency": "usd", "metadata": {"skm": '{"MaxNoOfMachines": 2}'}}
        monthly = v1.prices.create({**base, "unit_amount": 1900, "recurring": {"interval": "month"}})
        once = v1.prices.create({**base, "unit_amount": 9900})
        self.prices = {"monthly": monthly.id, "once": once.id}
        given: Any = {
            "url": f"{self.origin}/api/subscription/StripeUrl?id=1",
            "enabled_events": sorted(HANDLED),
            "api_version": STRIPE_API_VERSION,
        }
        return str(v1.webhook_endpoints.create(given).secret)

    def _fill_database(self, secret: str) -> None:
        vendor = factories.make_vendor(domain=DOMAIN, name="Acme")
        assert vendor.id == 1
        factories.make_product(vendor)
        factories.make_staff(vendor, email="owner@acme.example")
        self.customers = [factories.make_customer(vendor, email=f"buyer{n}@mail.example").id for n in range(1, 4)]
        user = factories.make_user("buyer4@mail.example")
        visitor = factories.make_customer(vendor, email="buyer4@mail.example")
        factories.make_association(user, visitor)
        self.customers.append(visitor.id)
        self.visit = crypto.new_token()
        tomorrow = clock.now() + timedelta(days=1)
        digest = crypto.digest(self.visit)
        db.session.add(UserSession(user_id=user.id, token_digest=digest, second_step="off", expires_at=tomorrow))
        db.session.commit()
        billing.set_account(vendor, api_key=KEY, webhook_secrets=[secret])
        db.session.commit()
        plan_sync.sync(vendor)
        db.session.commit()

    def _more(self) -> dict[str, str]:
        return {
            "LATCHKEY_BASE_URL": self.origin,
            "LATCHKEY_STRIPE_API_BASE": self.stripe_url,
            "LATCHKEY_MAIL_URL": self.mailbox.url,
        }

    def _database(self, name: str) -> str:
        assert self.server
        url = create_engine(self.server).url.set(database=f"{name}_{self.port}")
        return url.render_as_string(hide_password=False)

    def _admin(self, statement: str) -> None:
        assert self.server
        engine = create_engine(self.server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _start_nursery(self) -> subprocess.Popen[bytes]:
        settings = {
            "time": str(self.folder / "time"),
            "port": self.port,
            "sandbox_port": self.sandbox_port,
            "sandbox_file": str(self.sandbox_file),
            "answers": str(self.answers),
            "wishes": str(self.folder / "wishes.json"),
        }
        command = [sys.executable, "-m", "tests.crash.nursery", json.dumps(settings)]
        environ = databases.environment(self._url, self.folder, **self._more())
        log = (self.folder / "children.log").open("wb")
        nursery = subprocess.Popen(
            command, env=_inherited() | environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
        threading.Thread(target=self._listen, args=(nursery,), daemon=True).start()
        return nursery

    def _listen(self, nursery: subprocess.Popen[bytes]) -> None:
        assert nursery.stdout
        for line in nursery.stdout:
            news = json.loads(line)
            if "died" in news:
                self.deaths.append((news["died"], news["signal"]))
                self.died_at = self.time.now()
            if "ended" in news:
                self._ended.set()

    def _order(self, **order: Any) -> None:
        assert self._nursery.stdin
        self._nursery.stdin.write(json.dumps(order).encode() + b"\n")
        self._nursery.stdin.flush()


def _inherited() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith("LATCHKEY_")}


def _free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _name(url: str) -> str:
    return url.rsplit("/", 1)[1].split("?")[0]


def _settle(file: Path) -> None:
    """Bring everything from the write-ahead log into the file itself."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _forget_log(file)


def _forget_log(file: Path) -> None:
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    _forget_log(target)
    shutil.copyfile(source, target)
