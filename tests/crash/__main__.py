"""`make crash`: many runs on SQLite and PostgreSQL, and what came of them."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from portal import failpoints
from tests.crash import plan
from tests.crash.lane import Lane
from tests.crash.plan import Run
from tests.crash.scene import NeverCalm, Scene
from tests.crash.verdict import Verdict, judge
from tests.support import databases

DATABASES = ("sqlite", "postgresql")


@dataclass
class Totals:
    """What is printed in the end. fired: deaths by failpoint. is_over: somebody asked to stop."""

    runs: Counter[str] = field(default_factory=Counter)
    is_over: bool = False
    kills: int = 0
    restarts: int = 0
    quiet: int = 0
    acknowledged: int = 0
    resent: int = 0
    lost: int = 0
    double: int = 0
    wrong: int = 0
    fired: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, lane: Lane, run: Run, verdict: Verdict, seconds: float) -> None:
        """Count one run, and print what is bad about it."""
        killed = sum(1 for _, number in lane.deaths if number == signal.SIGKILL)
        with self.lock:
            self.runs[lane.name] += 1
            self.kills += killed
            self.restarts += len(lane.deaths)
            self.quiet += not killed
            self.fired[run.name] += killed
            self.acknowledged += verdict.acknowledged
            self.resent += verdict.resent
            self.lost += len(verdict.lost)
            self.double += len(verdict.double)
            self.wrong += len(verdict.wrong) + len(lane.deaths) - killed
            if not verdict.is_good or killed != len(lane.deaths):
                print(f"run {run.number} on {lane.name}, {run}, {lane.deaths}, {seconds:.1f} s:", flush=True)
                for word in ("lost", "double", "wrong"):
                    for text in getattr(verdict, word):
                        print(f"  {word}: {text}", flush=True)
            if sum(self.runs.values()) % 20 == 0:
                print(f"{sum(self.runs.values())} runs, {self.kills} kills", flush=True)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled or wrong."""
        return not (self.lost or self.double or self.wrong)


def main() -> int:
    """Run, print, and tell by the exit status."""
    given = _arguments()
    if given.list:
        print("\n".join(failpoints.POINTS))
        return 0
    totals, began = Totals(), time.monotonic()
    server = databases.start_postgresql() if "postgresql" in given.databases else ""
    with tempfile.TemporaryDirectory(prefix="latchkey-crash-") as folder, ExitStack() as stack:
        threads = []
        for position, kind in enumerate(given.databases):
            runs = list(plan.runs(given.runs // len(given.databases), given.seed + position))
            chosen = [run for run in runs if not given.only or given.only in run.name]
            place = Path(folder) / kind
            place.mkdir()
            lane = Lane(place, server if kind == "postgresql" else None)
            stack.callback(lane.close)
            lane.prepare()  # one after the other: migrations cannot run side by side in one process
            threads.append(threading.Thread(target=go_through, args=(lane, chosen, totals)))
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            totals.is_over = True
            for thread in threads:
                thread.join()
    report(totals, given.seed, time.monotonic() - began)
    asked = sum(totals.runs.values())
    return 0 if totals.is_good and asked else 1


def go_through(lane: Lane, runs: list[Run], totals: Totals) -> None:
    """One lane, run after run."""
    for run in runs:
        if totals.is_over:
            return
        began = time.monotonic()
        totals.add(lane, run, one(lane, run), time.monotonic() - began)


def one(lane: Lane, run: Run) -> Verdict:
    """One run from its fresh start to its verdict."""
    lane.begin(run)
    scene = Scene(lane, run)
    try:
        scene.play()
        return judge(scene)
    except NeverCalm as restless:
        return Verdict(wrong=[str(restless)])
    except Exception:
        return Verdict(wrong=[traceback.format_exc()])
    finally:
        lane.end()


def report(totals: Totals, seed: int, seconds: float) -> None:
    """Everything in a few lines."""
    for name in [*failpoints.POINTS, "from outside"]:
        print(f"  {name:45} {totals.fired[name]:5} kills")
    where = ", ".join(f"{count} on {name}" for name, count in sorted(totals.runs.items()))
    print(f"{sum(totals.runs.values())} runs ({where}), seed {seed}, {seconds:.0f} s")
    print(f"{totals.kills} kills, {totals.restarts} restarts, {totals.quiet} runs in which nobody died")
    print(f"{totals.acknowledged} events acknowledged, {totals.resent} mails sent again under their Message-ID")
    print(f"lost: {totals.lost}, double: {totals.double}, wrong: {totals.wrong}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--runs", type=int, default=128, help="on all databases together")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="runs whose failpoint's name contains this")
    parser.add_argument("--list", action="store_true", help="print the failpoints and end")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
