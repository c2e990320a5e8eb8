"""`python -m tests.bench`: the figures Latchkey holds itself to, measured side by side. Never fails on a time."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import platform
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.bench import counted, door, drain, enumeration, growth, in_process, sites, start, steady, wire
from tests.bench.report import Line, show
from tests.support import databases

FULL, QUICK = (1_000_000, 3_000_000), (20_000, 60_000)
SMALL = (10_000, 30_000)
WITH_DATA = {
    "process": in_process.run,
    "wire": wire.run,
    "counts": counted.run,
    "growth": growth.run,
}
ALONE = {"start": start.run, "enumeration": enumeration.run}
MONEY = ("door", "steady", "drain")


def main() -> None:
    """Seed, measure what was asked for, print."""
    options = _options()
    logging.disable(logging.CRITICAL)
    wanted = options.only or [*WITH_DATA, *ALONE, *MONEY]
    print(describe_machine(), flush=True)
    if set(wanted) - set(ALONE):
        with wire.pinned_to_load():
            os.environ.setdefault("TEST_POSTGRESQL_URL", databases.start_postgresql())
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        if set(wanted) & set(WITH_DATA):
            found = seed(stack, folder, options.customers, options.licenses)
            if "growth" in wanted:
                found["small"] = stack.enter_context(sites.filled("sqlite", folder, *SMALL))
            for group in wanted:
                if group in WITH_DATA:
                    WITH_DATA[group](found)
    for group in wanted:
        if group in ALONE:
            ALONE[group](20 if options.quick else 60)
        if group in MONEY:
            _measure_money(group, options)


def _measure_money(group: str, options: argparse.Namespace) -> None:
    if group == "door":
        door.run()
    elif group == "steady":
        steady.run(seconds=options.seconds or (10 if options.quick else 60))
    else:
        drain.run(quick=options.quick)


def seed(stack: ExitStack, folder: Path, customers: int, licenses: int) -> dict[str, sites.Site]:
    """Both databases, and how quickly they were filled."""
    print(f"Seeding {customers:,} customers and {licenses:,} licenses twice; a million takes minutes.", flush=True)
    found, lines = {}, []
    for kind in ("sqlite", "postgresql"):
        site = stack.enter_context(sites.filled(kind, folder, customers, licenses))
        rows = sum(site.seeded[table] for table in ("customers", "licenses", "machines"))
        aim = 20_000 if kind == "sqlite" else None
        lines.append(Line(f"latchkey seed, {kind}, {rows:,} rows", rows / site.seeded["seconds"], "rows/s", least=aim))
        found[kind] = site
    show("Seeding", f"{customers:,} customers, {licenses:,} licenses, a machine for every third license", lines)
    return found


def describe_machine() -> str:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return f"{os.cpu_count()} × {model}, {platform.system()}, Python {platform.python_version()}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--customers", type=int, help=f"default {FULL[0]:,}")
    parser.add_argument("--licenses", type=int, help=f"default {FULL[1]:,}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK[0]:,} customers, {QUICK[1]:,} licenses")
    parser.add_argument("--only", action="append", choices=[*WITH_DATA, *ALONE, *MONEY], help="may be repeated")
    parser.add_argument("--seconds", type=int, help="of steady events; default 60, 10 with --quick")
    options = parser.parse_args()
    customers, licenses = QUICK if options.quick else FULL
    options.customers, options.licenses = options.customers or customers, options.licenses or licenses
    return options


if __name__ == "__main__":
    main()
