"""CPU of the hot pages against Flask's hello, in one process; Django's same page beside its own hello in another."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.bench import hello
from tests.bench.report import Line, show
from tests.bench.sites import LICENSES, SIGN_IN, Site
from tests.bench.timing import Timed, call, measure

NOTE = (
    "CPU of this process, median of interleaved rounds. Django runs in a process of its own, beside the same Flask\n"
    "  hello: what is compared are the ratios to hello. Its page is the same list without subscriptions."
)


def run(sites: dict[str, Site]) -> None:
    """Measure and print."""
    apps = {kind: site.make_app().wsgi_app for kind, site in sites.items()}
    cookies = {kind: site.cookies for kind, site in sites.items()}
    targets = {
        "hello": lambda: call(hello.app.wsgi_app, "/"),
        "sqlite": lambda: call(apps["sqlite"], LICENSES, cookies["sqlite"]["ten"]),
        "fifty": lambda: call(apps["sqlite"], LICENSES, cookies["sqlite"]["fifty"]),
        "postgresql": lambda: call(apps["postgresql"], LICENSES, cookies["postgresql"]["ten"]),
        "sign in": lambda: call(apps["sqlite"], SIGN_IN),
        "detail": lambda: call(apps["sqlite"], sites["sqlite"].detail, cookies["sqlite"]["ten"]),
    }
    _check_same_list(targets["sqlite"]().decode(), _django(sites["sqlite"], "keys"))
    times = measure(targets)
    show("In process", NOTE, _lines(times, _django(sites["sqlite"], "times")))


def _lines(times: dict[str, Timed], django: dict[str, float]) -> list[Line]:
    base, page = times["hello"], times["sqlite"]
    row = (times["fifty"].ratio - page.ratio) / 40
    return [
        Line("Flask hello", base.cpu, "µs"),
        Line("license page, 10 licenses, SQLite", page.cpu, "µs"),
        Line("  against hello", page.ratio, "×", most=15),
        Line("license page, 10 licenses, PostgreSQL", times["postgresql"].cpu, "µs"),
        Line("  against hello", times["postgresql"].ratio, "×"),
        Line("  time passed, the server's work included", times["postgresql"].wall, "µs"),
        Line("each further license against hello", row, "×", most=0.3),
        Line("sign-in form", times["sign in"].cpu, "µs"),
        Line("  against hello", times["sign in"].ratio, "×", most=8),
        Line("license detail against hello", times["detail"].ratio, "×"),
        Line("Django, its hello against Flask's", django["hello"], "×"),
        Line("Django, the same list against Flask's hello", django["page"], "×"),
        Line("Django's page ÷ ours", django["page"] / page.ratio, "×", least=4),
    ]


def _django(site: Site, what: str) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.django_site", what]
    environment = {**os.environ, **django_environment(site)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def django_environment(site: Site) -> dict[str, str]:
    """What Django's site reads: the SQLite file and whose licenses it shows."""
    return {"BENCH_DJANGO_DATABASE": site.url.removeprefix("sqlite:///"), "BENCH_CUSTOMER": str(site.ten_id)}


def _check_same_list(ours: str, theirs: dict[str, float]) -> None:
    missing = [key for key in theirs if key not in ours]
    if missing or len(theirs) != 10:
        raise SystemExit(f"Django's page lists {len(theirs)} licenses, {len(missing)} of which ours does not show.")
    positions = [ours.index(key) for key in theirs]
    if positions != sorted(positions):
        raise SystemExit("The two pages do not list the licenses in the same order.")
