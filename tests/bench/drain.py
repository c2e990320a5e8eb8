"""A backlog of events becomes keys: how quickly workers drain it, what pages feel of it, and one purchase by itself."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, g
from sqlalchemy import func, select

from portal import config, create_app
from portal.account.models import User
from portal.customers.models import Customer
from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.outbox.models import OutboxItem
from portal.outbox.worker import Worker
from portal.webhooks.models import StripeEvent
from tests import factories
from tests.bench import door, ensured, load, sites, sold, wire
from tests.bench.report import Line, show

VENDOR, PAGES_A_SECOND, STEP, LONGEST = 1, 20, 2.0, 900
CONNECTIONS = 2  # fewer than the threads of the server: one that has not sent anything yet keeps a thread waiting
TICK = os.sysconf("SC_CLK_TCK")
NOTE = (
    "Five events of each subscription in the inbox; `latchkey worker` reads each subscription once at the sandbox,\n"
    f"  which runs beside it, as does a server of pages that is asked {PAGES_A_SECOND} times a second."
)


@dataclass(frozen=True)
class Drained:
    """seconds: from when the events came in to when the last was done. cpu: of all workers, and of the sandbox."""

    events: int
    workers: int
    seconds: float
    worker_cpu: float
    stripe_cpu: float
    quiet: load.Measured
    busy: load.Measured

    def lines(self) -> Iterator[Line]:
        """What is printed."""
        rate = self.events / self.seconds
        yield Line("until all were done", self.seconds, "s")
        yield Line("events, all workers", rate, "/s")
        yield Line("events per worker", rate / self.workers, "/s", least=150)
        yield Line("CPU of the workers per event", 1000 * self.worker_cpu / self.events, "ms")
        yield Line("  so many a second would fill a core", self.events / self.worker_cpu, "/s")
        yield Line("CPU of the sandbox per event", 1000 * self.stripe_cpu / self.events, "ms")
        quiet, busy = self.quiet.percentile(0.99), self.busy.percentile(0.99)
        yield Line("license page meanwhile, p50", self.busy.percentile(0.5), "ms")
        yield Line("  p99", busy, "ms")
        yield Line("  p99 ÷ p99 when nothing else happens", busy / quiet, "×", most=3)
        yield Line("  answers other than 200", self.busy.errors, most=0)


def run(*, quick: bool) -> None:
    """Measure, check, print."""
    count = 200 if quick else 2000
    for kind in ("sqlite", "postgresql"):
        for workers in (1, 2):
            with ExitStack() as stack:
                stack.enter_context(wire.postgresql_everywhere())
                at = stack.enter_context(shop(kind))
                found = _drain(at, count, workers, quiet_seconds=5 if quick else 15)
                of_workers = f"{workers} worker{'s' if workers > 1 else ''}"
                title = f"Drain, {kind}, {of_workers}, {found.events:,} events"
                show(title, NOTE if (kind, workers) == ("sqlite", 1) else "", found.lines())
                show(f"Ensure the key, {kind}, {of_workers}", "", _ensure(at, workers, 50 if quick else 300))


@dataclass(frozen=True)
class Shop:
    """A vendor with a plan at a running sandbox. user_id: somebody who looks at pages."""

    stripe: sold.Stripe
    environment: dict[str, str]
    app: Flask
    price: str
    user_id: int


@contextmanager
def shop(kind: str) -> Iterator[Shop]:
    """A vendor with a plan at a running sandbox, whose jobs of the clock have had their turn."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="latchkey-bench-")))
        stripe = stack.enter_context(sold.running_stripe(folder))
        environment = stack.enter_context(door.site(kind, stripe.url))
        app = create_app(config.from_environment(environment))
        at_work = Worker(app)
        at_work.schedule()
        at_work.drain()
        with app.app_context():
            user = factories.make_user()
            opened = Shop(stripe, environment, app, sold.add_price(stripe), user.id)
            db.session.remove()
        try:
            yield opened
        finally:
            with app.app_context():
                db.engine.dispose()


def _drain(shop: Shop, count: int, workers: int, quiet_seconds: float) -> Drained:
    with shop.app.app_context():
        ours = sold.add_customers(VENDOR, count)
        path, cookie = _reader(shop.user_id, ours[0])
    subscriptions = sold.subscribe(shop.stripe, shop.price, ours)
    page = wire.Server("license page", "wsgi:app", path, cookie, shop.environment, workers=2)
    with wire.running(page), working(shop.environment, workers) as started:
        quiet = _ask(page, quiet_seconds)
        pids = [*(one.pid for one in started), shop.stripe.process.pid]
        before = [_cpu(pid) for pid in pids]
        with shop.app.app_context():
            told = sold.tell(VENDOR, subscriptions)
        busy = _ask_until_done(shop, page)
        *spent, stripe_spent = (_cpu(pid) - then for pid, then in zip(pids, before, strict=True))
    with shop.app.app_context():
        check(subscriptions, told)
        seconds = _seconds()
        db.session.remove()
    return Drained(told, workers, seconds, sum(spent), stripe_spent, quiet, busy)


def _ensure(shop: Shop, workers: int, count: int) -> Iterator[Line]:
    """Orders of other customers, beside what was drained."""
    with shop.app.app_context():
        ours = sold.add_customers(VENDOR, count)
        order_ids = sold.order(shop.stripe, shop.price, VENDOR, shop.user_id, ours)
        db.session.remove()
    return ensured.lines(ensured.measure(shop.environment, VENDOR, order_ids, workers), ensured.bare_route(workers))


def _reader(user_id: int, customer_id: int) -> tuple[str, str]:
    """The license page of one of the customers: its address, and the cookie of somebody who may see it."""
    customer = db.session.get(Customer, (VENDOR, customer_id))
    user = db.session.get(User, user_id)
    assert customer is not None and user is not None
    factories.make_association(user, customer)
    cookie = sites.sign_in(user.id, "drain")
    db.session.commit()
    return sites.LICENSES, cookie


def _ask(page: wire.Server, seconds: float) -> load.Measured:
    return load.paced(page.port, page.requests(), per_second=PAGES_A_SECOND, seconds=seconds, connections=CONNECTIONS)


def _ask_until_done(shop: Shop, page: wire.Server) -> load.Measured:
    """Ask for the page all the time while events wait."""
    turns, until = [], time.monotonic() + LONGEST
    while is_waiting(shop) and time.monotonic() < until:
        turns.append(_ask(page, STEP))
    seconds = sum(turn.seconds for turn in turns)
    latencies = [latency for turn in turns for latency in turn.latencies]
    busy = statistics.mean(turn.busy for turn in turns)
    return load.Measured(len(latencies), seconds, latencies, sum(turn.errors for turn in turns), busy)


def is_waiting(shop: Shop) -> bool:
    """Whether an event is not worked off yet."""
    with shop.app.app_context():
        g.read_only = True
        return db.session.scalar(select(StripeEvent.id).where(StripeEvent.state == "received").limit(1)) is not None


@contextmanager
def working(environment: dict[str, str], count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Real workers that have nothing to do yet, asked to stop at the end."""
    started = [
        subprocess.Popen(
            [sites.LATCHKEY, "worker"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(timeout=30)


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _seconds() -> float:
    came, ended = db.session.execute(select(func.min(StripeEvent.received_at), func.max(StripeEvent.done_at))).one()
    return float((ended - came).total_seconds())


def check(subscriptions: list[str], told: int) -> None:
    """Every event is done; every subscription has one key and one mail about it. Ends the bench where not."""
    done = db.session.scalar(select(func.count()).select_from(StripeEvent).where(StripeEvent.state == "done"))
    served = db.session.scalars(select(Purchase.stripe_id).where(Purchase.state == "served")).all()
    paid = db.session.execute(select(PaidUnit.stripe_id, PaidUnit.license_global_id)).all()
    licenses = db.session.scalar(select(func.count()).select_from(License))
    mails = db.session.scalars(select(OutboxItem.recipient).where(OutboxItem.name == "license_issued")).all()
    wanted = len(subscriptions)
    found = {
        "events done": (done, told),
        "subscriptions served": (set(served) == set(subscriptions), True),
        "units": ((len(paid), len({row[0] for row in paid}), len({row[1] for row in paid})), (wanted,) * 3),
        "keys": (licenses, wanted),
        "mails": ((len(mails), len(set(mails))), (wanted, wanted)),
    }
    wrong = [f"{name}: {seen} instead of {right}" for name, (seen, right) in found.items() if seen != right]
    if wrong:
        raise SystemExit("; ".join(wrong))
