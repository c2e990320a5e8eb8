"""Places where a process may be made to die, so that tests can prove that nothing is lost there.

Set by LATCHKEY_FAILPOINTS, such as `webhooks.door.after_commit=kill@3,gateway.call.after=raise`: what happens at a
place, and at which reach of it (the first one unless told). Never in production, and free of charge when unset.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

POINTS: dict[str, str] = {
    "unit_of_work.commit.before": "a page or a command is about to commit",
    "unit_of_work.commit.after": "it has committed, and nobody knows yet",
    "unit_of_work.own_transaction.before_commit": "a short transaction beside a request is about to commit",
    "unit_of_work.own_transaction.after_commit": "a short transaction beside a request has committed",
    "webhooks.door.before_commit": "an event is genuine, not stored yet, not answered",
    "webhooks.door.after_commit": "an event is stored for good, Stripe has no answer yet",
    "webhooks.claim.before_commit": "a worker has picked events, nobody knows yet",
    "webhooks.claim.after_commit": "a worker holds the lease of events and has done nothing yet",
    "webhooks.handle.before_apply": "a purchase has been read from Stripe, nothing is written",
    "webhooks.handle.before_done": "key, mail and write-back are written, the events are not ended",
    "webhooks.handle.before_commit": "everything is written and ended, not committed",
    "webhooks.handle.after_commit": "events are worked off for good, the worker does not know yet",
    "webhooks.failed.before_commit": "a failed try is written down, not committed",
    "webhooks.failed.after_commit": "a failed try is written down for good",
    "worker.claim.before_commit": "a worker has picked a mail or job, nobody knows yet",
    "worker.claim.after_commit": "a worker holds the lease of a mail or job and has done nothing yet",
    "worker.mail.before_send": "a mail is rendered, the mail server has not seen it",
    "worker.mail.after_send": "the mail server has taken a mail, we have not noted it",
    "worker.job.after_work": "a job's changes are written, the job is not ended",
    "worker.done.before_commit": "a mail or job is ended, not committed",
    "worker.done.after_commit": "a mail or job is ended for good, the worker does not know yet",
    "worker.failed.before_commit": "a mail or job that failed, or must wait its turn, is put back, not committed",
    "worker.failed.after_commit": "a mail or job that failed, or must wait its turn, is put back for good",
    "worker.schedule.before_commit": "a job whose turn has come is queued, not committed",
    "worker.schedule.after_commit": "a job whose turn has come is queued for good",
    "worker.tidy.before_commit": "old rows are deleted, not committed",
    "worker.tidy.after_commit": "old rows are deleted for good",
    "gateway.call.before": "Stripe is about to be asked",
    "gateway.call.after": "Stripe has answered, the answer is not read yet",
}
ACTIONS = ("kill", "raise", "pause")
PAUSE_SECONDS = 1.0
_WISH = re.compile(r"(?P<name>[a-z_.]+)=(?P<action>[a-z]+)(?:@(?P<reach>[1-9][0-9]{0,5}))?", re.ASCII)


class Killed(BaseException):
    """What `raise` throws: passes through `except Exception` as a death would, inside the process of a test."""


@dataclass(frozen=True)
class Wish:
    """What shall happen at a place. reach: how many times it is passed before, counting this one."""

    name: str
    action: str
    reach: int = 1


_wishes: dict[str, Wish] = {}
_reached: dict[str, int] = {}
_lock = threading.Lock()


def reach(name: str) -> None:
    """Say that the process is at a place; nothing happens unless somebody wished so."""
    if _wishes:
        _act(name)


def parse(text: str) -> tuple[Wish, ...]:
    """The wishes of a comma list. Raises ValueError with one sentence."""
    wishes = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _WISH.fullmatch(part)
        if found is None:
            raise ValueError(f"{part!r} is not like name=kill@3.")
        if found["name"] not in POINTS:
            raise ValueError(f"There is no failpoint {found['name']!r}.")
        if found["action"] not in ACTIONS:
            raise ValueError(f"A failpoint can {', '.join(ACTIONS)}, not {found['action']!r}.")
        wishes.append(Wish(found["name"], found["action"], int(found["reach"] or 1)))
    return tuple(wishes)


def arm(wishes: tuple[Wish, ...]) -> None:
    """Let these happen, each once, counting from now; earlier wishes are forgotten."""
    with _lock:
        _reached.clear()
        _wishes.clear()
        _wishes.update({wish.name: wish for wish in wishes})


def disarm() -> None:
    """Let nothing happen any more."""
    arm(())


@contextmanager
def armed(text: str) -> Iterator[None]:
    """For tests: `with armed("gateway.call.after=raise@2"):`."""
    arm(parse(text))
    try:
        yield
    finally:
        disarm()


def _act(name: str) -> None:
    with _lock:
        _reached[name] = _reached.get(name, 0) + 1
        wish = _wishes.get(name)
        is_due = wish is not None and wish.reach == _reached[name]
    if wish is None or not is_due:
        return
    if wish.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if wish.action == "raise":
        raise Killed(name)
    time.sleep(PAUSE_SECONDS)
