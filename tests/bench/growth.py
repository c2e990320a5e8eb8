"""Does a look-up stay as quick when the data grow? The same calls on a small and on the large SQLite file, in turn."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from portal.customers import search as customers
from portal.customers.models import Customer
from portal.extensions import db
from portal.licenses import service as licenses
from portal.licenses.models import License
from portal.vendors import service as vendors
from tests.bench.report import Line, show
from tests.bench.sites import DOMAIN, Site

ROUNDS, CALLS = 15, 10
Calls = dict[str, Callable[[], object]]


def run(sites: dict[str, Site]) -> None:
    """Measure and print."""
    times: dict[str, dict[str, list[float]]] = {}
    opened = {name: _opened(sites[key]) for name, key in (("small", "small"), ("large", "sqlite"))}
    for _ in range(ROUNDS):
        for name, (app, calls) in opened.items():
            with app.test_request_context():
                for what, call in calls.items():
                    taken = times.setdefault(what, {}).setdefault(name, [])
                    taken.extend(_timed(call) for _ in range(CALLS))
                db.session.rollback()
    medians = {what: {name: statistics.median(seen) for name, seen in taken.items()} for what, taken in times.items()}
    lines = [
        Line(f"{what}, large ÷ small", found["large"] / found["small"], "×", most=1.5)
        for what, found in medians.items()
    ]
    deep, first = (medians[f"page of customers, {which}"]["large"] for which in ("deep", "first"))
    lines.append(Line("deep page ÷ first page", deep / first, "×", most=1.1))
    small, large = (f"{sites[kind].seeded['customers']:,} customers" for kind in ("small", "sqlite"))
    show(
        "Growth", f"SQLite, medians of {ROUNDS * CALLS} calls on random records; small: {small}, large: {large}", lines
    )


def _opened(site: Site) -> tuple[Any, Calls]:
    app, pick = site.make_app(), random.Random(7)
    with app.app_context():
        vendor = vendors.find_by_domain(DOMAIN)
        assert vendor is not None
        people, keys = (int(site.seeded[name]) for name in ("customers", "licenses"))
    number = lambda: str(pick.randrange(1, people))  # noqa: E731

    def exact_address() -> object:
        found = db.session.scalar(
            select(Customer.email).where(Customer.vendor_id == vendor.id, Customer.id == int(number()))
        )
        began = time.perf_counter()
        customers.search(vendor, str(found))
        return time.perf_counter() - began

    calls: Calls = {
        "customer by number": lambda: customers.search(vendor, number()),
        "customer by exact address": exact_address,
        "license by key": _by_key(vendor, pick, keys),
        "license list of a customer": lambda: db.session.execute(
            select(License.global_id).where(License.vendor_id == vendor.id, License.customer_id == int(number()))
        ).all(),
        "page of customers, first": lambda: customers.search(vendor),
        "page of customers, deep": lambda: customers.search(vendor, before=people // 3),
    }
    return app, calls


def _by_key(vendor: Any, pick: random.Random, keys: int) -> Callable[[], float]:
    def look_up() -> float:
        license = licenses.get(vendor, pick.randrange(1, keys))
        product = licenses.get_product(vendor, license.product_id)
        began = time.perf_counter()
        licenses.search_licenses(vendor, product, license.key, None, 50)
        return time.perf_counter() - began

    return look_up


def _timed(call: Callable[[], object]) -> float:
    """Seconds of one call; one that prepares something first tells its own time."""
    began = time.perf_counter()
    told = call()
    return told if isinstance(told, float) else time.perf_counter() - began
