"""A worker in a process of its own, with a mail and jobs that only the tests know."""

from __future__ import annotations

import sys
import time

from jinja2 import ChoiceLoader, DictLoader

from portal import create_app
from portal.audit import service as audit
from portal.outbox.worker import Worker
from tests.outbox.conftest import TEMPLATES


def note(vendor_id: int, number: int) -> None:
    """Leave a trace that can be counted."""
    audit.record(vendor_id, "test.note", f"note:{number}")


def hang(vendor_id: int, number: int) -> None:
    """Leave a trace, then never end."""
    note(vendor_id, number)
    sys.stdout.write("hanging\n")
    sys.stdout.flush()
    while True:
        time.sleep(60)


def main() -> None:
    """Work off the queue once; the environment holds the settings."""
    app = create_app()
    app.jinja_env.loader = ChoiceLoader([DictLoader(TEMPLATES), app.jinja_env.loader])
    app.extensions["work"].jobs.update(note=note, hang=hang)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    tally = Worker(app).drain()
    sys.stdout.write(f"{tally.processed} {tally.failed}\n")


if __name__ == "__main__":
    main()
