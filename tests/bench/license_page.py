"""`python -m tests.bench.license_page`: CPU of the license page against Flask's hello, in one process, interleaved."""

from __future__ import annotations

import io
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event

from portal import clock
from portal.account.models import UserSession
from portal.billing.models import StripeAccount, Subscription
from portal.crypto import digest
from portal.customers.models import Customer
from portal.extensions import db
from portal.vendors.models import Vendor
from tests import factories
from tests.support import databases

ROUNDS, CALLS = 15, 40
Wsgi = Callable[[dict[str, Any], Any], Any]


def hello() -> Flask:
    """The yardstick: the smallest Flask app."""
    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: "Hello, World!")
    return app


def seed(app: Flask) -> dict[str, str]:
    """A vendor with one customer of 10 licenses and one of 50, each with a subscription. Returns cookie per customer."""
    with app.app_context():
        vendor = factories.make_vendor("acme.example")
        db.session.add(StripeAccount(vendor_id=vendor.id, livemode=False))
        product = factories.make_product(
            vendor,
            "Widget Studio Professional",
            feature_definitions={"f1": {"name": "Export", "type": 0}, "f2": {"name": "Cloud rendering", "type": 0}},
        )
        cookies = {}
        for name, count in (("ten", 10), ("fifty", 50)):
            user, customer = factories.make_user(), factories.make_customer(vendor)
            factories.make_association(user, customer)
            for _ in range(count):
                _make_license(vendor, product, customer)
            db.session.add(
                UserSession(
                    user_id=user.id,
                    token_digest=digest(name),
                    second_step="off",
                    expires_at=clock.now() + timedelta(hours=12),
                )
            )
            cookies[name] = f"latchkey-session={name}"
        db.session.commit()
        return cookies


def _make_license(vendor: Vendor, product: Any, customer: Customer) -> None:
    license = factories.make_license(vendor, product, customer, f1=True, f2=True)
    factories.make_machine(license)
    factories.make_machine(license)
    end = clock.now() + timedelta(days=license.global_id)
    db.session.add(
        Subscription(
            vendor_id=vendor.id,
            stripe_id=f"sub_1QxYzAbCdEfGhIjKlMnO{license.global_id:04}",
            stripe_customer_id="cus_bench",
            customer_id=customer.id,
            license_global_id=license.global_id,
            livemode=False,
            status="active",
            amount_minor=1900,
            currency="usd",
            interval="month",
            period_end=end,
            started_at=clock.now(),
        )
    )


def call(app: Wsgi, path: str, cookie: str = "") -> bytes:
    """One request without a server; the body."""
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


def measure(targets: dict[str, Callable[[], bytes]]) -> dict[str, float]:
    """Median CPU microseconds of each target, in interleaved rounds."""
    times: dict[str, list[float]] = {name: [] for name in targets}
    for target in targets.values():
        for _ in range(20):
            target()
    for _ in range(ROUNDS):
        for name, target in targets.items():
            started = time.process_time()
            for _ in range(CALLS):
                target()
            times[name].append((time.process_time() - started) / CALLS * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def count_queries(app: Flask, target: Callable[[], bytes]) -> int:
    """How many statements one request sends."""
    seen: list[str] = []
    with app.app_context():
        engine = db.engine
    remember = lambda connection, cursor, statement, *rest: seen.append(statement)  # noqa: E731
    event.listen(engine, "before_cursor_execute", remember)
    target()
    event.remove(engine, "before_cursor_execute", remember)
    return len(seen)


def main() -> None:
    """Seed a SQLite file, measure, print."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder, databases.fresh("sqlite", Path(folder)) as url:
        app, yardstick = databases.make_app(url, Path(folder)), hello()
        cookies = seed(app)
        page = "/Portal/@acme.example/Licenses"
        targets = {
            "hello": lambda: call(yardstick.wsgi_app, "/"),
            "page": lambda: call(app.wsgi_app, page, cookies["ten"]),
            "page of 50": lambda: call(app.wsgi_app, page, cookies["fifty"]),
            "sign-in form": lambda: call(app.wsgi_app, "/Portal/@acme.example/SignIn"),
        }
        medians = measure(targets)
        base = medians["hello"]
        print(f"Flask hello                    {base:7.1f} µs")
        print(f"license page, 10 licenses      {medians['page']:7.1f} µs  {medians['page'] / base:5.1f} × hello (≤ 15)")
        row = (medians["page of 50"] - medians["page"]) / 40
        print(f"each further license           {row:7.1f} µs  {row / base:5.2f} × hello (≤ 0.3)")
        form = medians["sign-in form"]
        print(f"sign-in form                   {form:7.1f} µs  {form / base:5.1f} × hello (≤ 8)")
        print(f"queries of the license page    {count_queries(app, targets['page']):5d}    (≤ 3)")
        print(f"HTML of 10 licenses            {len(targets['page']()):5d} B  (≤ 12000)")


if __name__ == "__main__":
    main()
