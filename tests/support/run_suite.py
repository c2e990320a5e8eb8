"""`make test`: gets a browser, starts one PostgreSQL server, runs everything on SQLite and then on PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

from tests.support import browser, databases

COUNTS = re.compile(r"(\d+) (passed|failed|error|errors|skipped)")


def main() -> int:
    """Run the suite; returns the exit status."""
    environ = dict(os.environ)
    if environ.get("BROWSER") != "none":
        environ["BROWSER"] = browser.find_or_install()
    environ["TEST_POSTGRESQL_URL"] = databases.start_postgresql()
    rounds = [("SQLite", ["--database=sqlite"]), ("PostgreSQL", ["--database=postgresql"])]
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for name, options in rounds:
        started = time.monotonic()
        failed = run_round([*options, "-n", "2", "--dist", "loadfile", *sys.argv[1:]], environ, totals)
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
        if failed:
            totals["failed"] = max(totals["failed"], 1)
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped", flush=True)
    return 1 if totals["failed"] else 0


def run_round(options: list[str], environ: dict[str, str], totals: dict[str, int]) -> bool:
    """One run of pytest; adds its counts to the totals and tells whether it failed."""
    command = [sys.executable, "-m", "pytest", "--color=no", *options]
    last_lines: list[str] = []
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last_lines = [*last_lines[-4:], line]
    for count, word in COUNTS.findall(last_lines[-1] if last_lines else ""):
        key = {"error": "failed", "errors": "failed"}.get(word, word)
        totals[key] += int(count)
    return process.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
