"""Ensure the key, as the return page does it: read one order at Stripe, write what follows. One after the other, in
one process or in several at once.
"""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from multiprocessing.synchronize import Barrier

from flask import Flask, g
from sqlalchemy import func, select

from portal import config, create_app, unit_of_work
from portal.billing import orders
from portal.billing.models import Order
from portal.extensions import db
from portal.fulfillment import ordered
from tests.bench import events, load, wire
from tests.bench.report import Line

SECONDS = 3.0
_together: Barrier


def measure(environment: dict[str, str], vendor_id: int, order_ids: Sequence[str], processes: int) -> load.Measured:
    """Ensure the key of every order, in so many processes at once. Ends the bench where one stays without."""
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(processes)
    with context.Pool(processes, initializer=_meet_at, initargs=(together,)) as pool:
        shares = [(environment, vendor_id, list(order_ids[number::processes])) for number in range(processes)]
        found = pool.starmap(_share, shares, chunksize=1)
    seconds = max(one.seconds for one in found)
    latencies = [latency for one in found for latency in one.latencies]
    busy = sum(one.busy * one.seconds for one in found) / seconds
    return load.Measured(len(latencies), seconds, latencies, 0, busy)


def _meet_at(barrier: Barrier) -> None:
    global _together
    _together = barrier


def _share(environment: dict[str, str], vendor_id: int, order_ids: list[str]) -> load.Measured:
    """One process's share; it begins when all are ready."""
    logging.disable(logging.CRITICAL)
    app = create_app(config.from_environment(environment))
    _together.wait()
    return _one_by_one(app, vendor_id, order_ids)


def _one_by_one(app: Flask, vendor_id: int, order_ids: Sequence[str]) -> load.Measured:
    taken: list[float] = []
    began, worked = time.perf_counter(), time.process_time()
    for order_id in order_ids:
        started = time.perf_counter()
        with app.app_context():
            _come_back(vendor_id, order_id)
        taken.append(time.perf_counter() - started)
    seconds, busy = time.perf_counter() - began, time.process_time() - worked
    with app.app_context():
        mine = select(func.count()).select_from(Order).where(Order.state == orders.PAID, Order.id.in_(order_ids))
        if db.session.scalar(mine) != len(order_ids):
            raise SystemExit("An order that was paid has no key.")
    return load.Measured(len(taken), seconds, taken, 0, busy / seconds)


def _come_back(vendor_id: int, order_id: str) -> None:
    """What the page does once the payer is back."""
    g.read_only = True
    order = orders.find(vendor_id, order_id)
    assert order is not None
    place = ordered.place_of(order, read_seconds=ordered.RETURN_SECONDS, retries=0)
    assert place is not None
    unit_of_work.let_go()
    seen = ordered.look(place, order)
    with unit_of_work.own_session():
        ordered.apply(order, seen)


def bare_route(workers: int) -> load.Measured:
    """The route that only checks a signature, over as many connections as workers, one request after the other."""
    with wire.running(_Bare("bare route", "tests.bench.bare_door:app", "", workers=workers)) as server:
        return load.run(server.port, server.requests(), connections=workers, seconds=SECONDS)


class _Bare(wire.Server):
    def requests(self) -> Iterator[bytes]:
        return events.requests(1, ["sub_bench"])


def lines(found: load.Measured, bare: load.Measured) -> Iterator[Line]:
    """Both side by side."""
    yield Line("ensure the key of an order, read and applied", found.per_second, "/s")
    yield Line("  p50", found.percentile(0.5), "ms")
    yield Line("  p99", found.percentile(0.99), "ms")
    yield Line("  CPU of our side", 1000 * found.busy * found.seconds / found.requests, "ms")
    yield Line("bare route, a connection for each worker", bare.per_second, "/s")
    yield Line("  p50", bare.percentile(0.5), "ms")
    yield Line("  p99", bare.percentile(0.99), "ms")
    yield Line("ensure ÷ bare route", found.per_second / bare.per_second, "×")
