"""Several worker processes on one queue, and one that is killed in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from portal import clock
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.outbox import claims
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem
from portal.outbox.worker import Worker
from tests.outbox.worker_process import note
from tests.support import databases

ROOT = databases.__file__.rpartition("/tests/")[0]


@pytest.fixture
def start(database_url, tmp_path):
    """Start a worker process; it waits for a line before it begins."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.outbox.worker_process"],
            cwd=ROOT,
            env={**os.environ, **databases.environment(database_url, tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def queue(acme, name: str, numbers: range) -> None:
    for number in numbers:
        outbox.queue_job(name, vendor_id=acme.id, number=number)


def test_two_processes_drain_200_items_each_exactly_once(acme, start, tmp_path):
    queue(acme, "note", range(100))
    for number in range(100):
        outbox.queue_mail("sample", f"user{number}@customer.example", vendor_id=acme.id, person="Ada", code="123456")
    db.session.commit()
    workers = [start(), start()]
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    tallies = [worker.communicate(timeout=60)[0].split() for worker in workers]

    assert sum(int(done) for done, failed in tallies) == 200
    assert {failed for done, failed in tallies} == {"0"}
    assert set(db.session.scalars(select(OutboxItem.attempts))) == {1}
    assert set(db.session.scalars(select(OutboxItem.state))) == {"done"}
    records = list(db.session.scalars(select(AuditEntry.record)))
    assert len(records) == len(set(records)) == 100
    assert len(list(tmp_path.glob("*.eml"))) == 100


def test_a_worker_killed_in_the_middle_leaves_its_item_to_the_next(app, acme, start):
    queue(acme, "hang", range(1))
    db.session.commit()
    victim = start()
    victim.stdin.write("\n")
    victim.stdin.flush()
    assert victim.stdout.readline() == "hanging\n"
    victim.kill()
    victim.wait()

    app.extensions["work"].jobs["hang"] = note
    worker = Worker(app)
    assert worker.drain().processed == 0, "the lease still runs"
    clock.move(claims.LEASE + timedelta(seconds=1))
    assert worker.drain().processed == 1
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == 1, "what the killed one wrote is gone"
