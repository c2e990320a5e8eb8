"""A steady stream of events through the door, then drained: everything acknowledged is stored, and effective once."""

from __future__ import annotations

import time
from contextlib import ExitStack

from sqlalchemy import func, select

from portal.extensions import db
from portal.webhooks.models import StripeEvent
from tests.bench import door, drain, events, load, sold, wire
from tests.bench.report import Line, show

PER_SECOND, SUBSCRIPTIONS, LOOK_AGAIN = 500, 2000, 0.25


def run(*, seconds: int) -> None:
    """Measure, check, print."""
    for kind in ("sqlite", "postgresql"):
        with ExitStack() as stack:
            stack.enter_context(wire.pinned_to_load())
            stack.enter_context(wire.postgresql_everywhere())
            _stream(stack.enter_context(drain.shop(kind)), kind, seconds)


def _stream(shop: drain.Shop, kind: str, seconds: int) -> None:
    with shop.app.app_context():
        ours = sold.add_customers(drain.VENDOR, SUBSCRIPTIONS)
    subscriptions = sold.subscribe(shop.stripe, shop.price, ours)
    asked = events.requests(drain.VENDOR, subscriptions)
    with wire.running(door.Door("door", "wsgi:app", "", environment=shop.environment, workers=2)) as opened:
        before = _stored_at_rest(shop)  # whether it answers was asked with events, too
        seen = load.paced(opened.port, asked, per_second=PER_SECOND, seconds=seconds)
    stored, answered = _stored_at_rest(shop) - before, seen.requests - seen.errors
    lines = [
        Line("stored", stored, "events"),
        Line("answered 200", answered, "events"),
        Line("a second", seen.per_second, "/s", least=0.99 * PER_SECOND),
        Line("p50, from when it was due", seen.percentile(0.5), "ms"),
        Line("p99, from when it was due", seen.percentile(0.99), "ms", most=50),
    ]
    if stored != answered:
        raise SystemExit(f"Of {seen.requests} events {answered} were acknowledged, but {stored} are stored.")
    with drain.working(shop.environment, 2):
        taken = _until_done(shop)
    with shop.app.app_context():
        drain.check(subscriptions, before + stored)
        db.session.remove()
    lines.append(Line("then drained by two workers", (before + stored) / taken, "/s"))
    show(f"{PER_SECOND} events a second for {seconds} s, {kind}, 2 serving processes", "", lines)


def _until_done(shop: drain.Shop) -> float:
    """Seconds until nothing waits."""
    started = time.monotonic()
    while drain.is_waiting(shop) and time.monotonic() < started + drain.LONGEST:
        time.sleep(LOOK_AGAIN)
    return time.monotonic() - started


def _stored_at_rest(shop: drain.Shop) -> int:
    """How many are stored once no request is under way any more."""
    before, now = -1, _stored(shop)
    while now != before:
        time.sleep(LOOK_AGAIN)
        before, now = now, _stored(shop)
    return now


def _stored(shop: drain.Shop) -> int:
    with shop.app.app_context():
        count = db.session.scalar(select(func.count()).select_from(StripeEvent)) or 0
        db.session.remove()
        return count
