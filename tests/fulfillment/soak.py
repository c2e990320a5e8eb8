"""Tell thousands of histories: `python -m tests.fulfillment.soak --histories 10000`.

Prints how many there were, how often a worker died, and the violations. One that fails is shortened and shown.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

AT_ONCE = 50


@dataclass
class Tally:
    """What one process has seen."""

    histories: int = 0
    killed_at: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def main(arguments: list[str] | None = None) -> int:
    """Spread the histories over processes and print the sum; the exit status is 1 when something was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="do not look for a shorter history that fails as well")
    given = parser.parse_args(arguments)
    first = secrets.randbelow(10**9) if given.seed is None else given.seed
    share = -(-given.histories // given.processes)
    tasks = [(given.database, share, first + number * 1_000_000, given.quick) for number in range(given.processes)]
    print(f"{given.histories} histories on {given.database}, seed {first}", flush=True)
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        tallies = pool.starmap(tell, tasks)
    _report(tallies, time.monotonic() - started)
    return 1 if any(tally.violations for tally in tallies) else 0


def tell(database: str, histories: int, first: int, quick: bool) -> Tally:
    """Tell so many histories in this process, a portion at a time, each with the next seed."""
    from tests.fulfillment.histories.machine import History
    from tests.fulfillment.histories.scene import Scene
    from tests.fulfillment.histories.world import ORIGIN, open_world
    from tests.support import databases

    tally = Tally()
    with tempfile.TemporaryDirectory() as name, databases.fresh(database, Path(name)) as url:
        app = databases.make_app(url, Path(name), LATCHKEY_STRIPE_API_BASE=ORIGIN)
        with open_world(app) as world:
            History.scene = Scene(world)
            History.scene.set_up()
            while History.told < histories:
                _portion(min(AT_ONCE, histories - History.told), first, quick, tally)
                first += 1
                tally.histories, tally.killed_at = History.told, Counter(world.killed_at)
                print(f"{tally.histories} told, {len(tally.violations)} violations", flush=True)
    return tally


def _portion(histories: int, number: int, quick: bool, tally: Tally) -> None:
    from hypothesis import seed
    from hypothesis.stateful import run_state_machine_as_test

    from tests.fulfillment.histories.machine import History, settings_for

    try:
        run_state_machine_as_test(seed(number)(History), settings=settings_for(histories, quick=quick))
    except Exception:
        tally.violations.append(f"seed {number}: {traceback.format_exc()}")
        print(tally.violations[-1], file=sys.stderr, flush=True)


def _report(tallies: list[Tally], seconds: float) -> None:
    killed_at = sum((tally.killed_at for tally in tallies), Counter[str]())
    violations = [violation for tally in tallies for violation in tally.violations]
    for name, number in sorted(killed_at.items()):
        print(f"  died {number} times at {name}")
    print(f"{sum(tally.histories for tally in tallies)} histories in {seconds:.0f} s")
    print(f"{sum(killed_at.values())} kills")
    print(f"{len(violations)} violations")


if __name__ == "__main__":
    sys.exit(main())
