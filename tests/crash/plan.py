"""Who dies where: every failpoint in turn, early and late, and deaths from outside at any moment."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from portal import failpoints

SERVERS, WORKERS = ("server1", "server2"), ("worker1", "worker2")
EVERYBODY = (*SERVERS, *WORKERS)
LATEST = {"tidy": 3, "schedule": 4, "failed": 2, "unit_of_work.commit": 3}  # the last reach that is sure to come
COMMON = 6
OUTSIDE = 8  # of so many runs, one is killed from outside


@dataclass(frozen=True)
class Run:
    """One run. wishes: failpoints by role. blows: kills from outside, seconds after the start and whom.

    sweeps: whether the sweeps take their turns; without them nothing heals what the door or the worker loses.
    is_late: the wishes are made in the second half. failing_reads, refused_mails: what fails without any death.
    """

    number: int
    name: str
    wishes: dict[str, str] = field(default_factory=dict)
    blows: tuple[tuple[float, tuple[str, ...]], ...] = ()
    sweeps: bool = False
    is_late: bool = False
    failing_reads: int = 0
    refused_mails: int = 0


def runs(count: int, seed: int) -> Iterator[Run]:
    """So many runs; the same seed gives the same ones."""
    chance = random.Random(seed)
    names: list[str] = []
    for number in range(count):
        if number % OUTSIDE == OUTSIDE - 1:
            yield _from_outside(number, chance)
            continue
        if not names:
            names = list(failpoints.POINTS)
            chance.shuffle(names)
        yield _at_a_failpoint(number, names.pop(), chance)


def _at_a_failpoint(number: int, name: str, chance: random.Random) -> Run:
    latest = next((reach for part, reach in LATEST.items() if part in name), COMMON)
    roles = SERVERS if name.startswith(("webhooks.door", "unit_of_work")) else WORKERS
    if name.startswith("gateway") and chance.random() < 0.5:
        roles, latest = SERVERS, 2  # the calls of the page that sells
    if chance.random() < 0.5 and latest > 2:  # only one of the two; the other one takes over
        roles = (chance.choice(roles),)
        latest = max(1, latest // 2)
    reach = chance.randint(1, latest)
    return Run(
        number=number,
        name=name,
        wishes=dict.fromkeys(roles, f"{name}=kill@{reach}"),
        sweeps="schedule" in name or chance.random() < 0.25,
        is_late=latest > 2 and chance.random() < 0.3,
        failing_reads=4 if "webhooks.failed" in name else 0,
        refused_mails=4 if "worker.failed" in name else 0,
    )


def _from_outside(number: int, chance: random.Random) -> Run:
    """Three blows, each against one process, or against all of them at once."""
    blows = []
    for _ in range(3):
        whom = EVERYBODY if chance.random() < 0.4 else (chance.choice(EVERYBODY),)
        blows.append((chance.uniform(0.05, 1.5), whom))
    return Run(number=number, name="from outside", blows=tuple(sorted(blows)), sweeps=chance.random() < 0.25)
