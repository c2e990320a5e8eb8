"""The queue: everything is done, nothing twice, whoever is killed when."""

from __future__ import annotations

import contextvars
import smtplib
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from portal import clock, crypto, unit_of_work
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.home import health
from portal.outbox import claims
from portal.outbox import service as outbox
from portal.outbox.mail import transports
from portal.outbox.models import OutboxItem
from portal.outbox.worker import Worker
from tests.outbox.worker_process import note


@pytest.fixture
def worker(app) -> Iterator[Worker]:
    app.extensions["work"].jobs["note"] = note
    yield Worker(app)
    del app.extensions["work"].jobs["note"]


def saved(item: OutboxItem) -> int:
    db.session.flush()
    item_id = item.id
    db.session.commit()
    return item_id


def queue_note(acme, number: int = 1, **options) -> int:
    item = outbox.queue_job("note", vendor_id=acme.id, number=number, **options)
    return saved(item)


def queue_mail(acme, code: str = "123456") -> int:
    item = outbox.queue_mail("sample", "ada@customer.example", vendor_id=acme.id, person="Ada", code=code)
    return saved(item)


def look(item_id: int) -> OutboxItem:
    db.session.rollback()
    found = db.session.get(OutboxItem, item_id)
    db.session.expunge(found)
    db.session.rollback()
    return found


def notes() -> int:
    db.session.rollback()
    found = db.session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "test.note"))
    db.session.commit()
    return found


def claim_one() -> claims.Claim:
    with db.engine.begin() as connection:
        found = claims.claim(connection)
    assert found
    return found


def test_nothing_is_queued_before_the_commit(worker, acme):
    acme_id = acme.id
    db.session.commit()
    outbox.queue_mail("sample", "ada@customer.example", vendor_id=acme_id, person="Ada", code="1")
    unit_of_work.rollback()

    assert worker.drain().processed == 0


def test_a_mail_is_sent_and_its_content_forgotten(worker, acme, app):
    item_id = queue_mail(acme)
    assert "123456" not in look(item_id).payload
    tally = worker.drain()

    item = look(item_id)
    assert (tally.processed, tally.failed, item.state, item.payload) == (1, 0, "done", "")
    folder = transports.folder_of(crypto.settings().mail_url)
    (path,) = folder.glob(f"*{item.message_id}.eml")
    assert "123456" in message_from_bytes(path.read_bytes(), policy=policy.default)["Subject"]


def test_a_job_runs_with_its_arguments_in_one_transaction_with_its_end(worker, acme):
    item_id = queue_note(acme, 7)
    worker.drain()

    assert notes() == 1
    assert look(item_id).state == "done"


def test_a_job_for_later_waits(worker, acme):
    queue_note(acme, available_at=clock.now() + timedelta(hours=1))
    assert worker.drain().processed == 0

    clock.move(timedelta(hours=1, seconds=1))
    assert worker.drain().processed == 1


def test_two_workers_queue_the_same_at_once_and_none_fails(app, acme):
    if db.engine.dialect.name == "sqlite":
        pytest.skip("on SQLite one writes at a time")
    vendor_id = acme.id
    db.session.commit()

    inserts = []

    def be_faster(connection, cursor, statement, *rest):
        if statement.startswith("INSERT INTO outbox"):
            inserts.append(statement)
        if len(inserts) == 1:
            inserts.append("")
            contextvars.Context().run(queue_in_another_transaction)

    def queue_in_another_transaction():
        with app.app_context():
            assert outbox.queue_job("note", vendor_id=vendor_id, number=1, dedupe_key="reminder:1")
            db.session.commit()

    event.listen(db.engine, "before_cursor_execute", be_faster)
    assert outbox.queue_job("note", vendor_id=vendor_id, number=1, dedupe_key="reminder:1") is None
    event.remove(db.engine, "before_cursor_execute", be_faster)
    db.session.commit()

    assert len(list(db.session.scalars(select(OutboxItem)))) == 1


def test_the_same_dedupe_key_is_queued_once(worker, acme):
    queue_note(acme, dedupe_key="reminder:1")
    assert outbox.queue_job("note", vendor_id=acme.id, number=1, dedupe_key="reminder:1") is None


def test_a_code_that_somebody_waits_for_overtakes_the_rest(worker, acme, app):
    for number in range(3):
        queue_note(acme, number)
    clock.move(timedelta(minutes=1))
    code = outbox.queue_mail("sample", "ada@customer.example", vendor_id=acme.id, is_awaited=True, person="A", code="1")
    row = saved(code)

    claim = worker._next()
    lag = health.queue_state().oldest_seconds

    assert claim.id == row
    assert 60 <= lag < 90


def test_a_failing_job_comes_back_later_and_later_and_dies_after_20_tries(worker, acme):
    item_id = queue_note(acme, number=None, unknown="argument")
    waits = []
    for _ in range(claims.MOST_TRIES):
        assert worker.drain().failed == 1
        item = look(item_id)
        waits.append(item.available_at - clock.now())
        clock.move(timedelta(hours=8))

    assert waits[0] < timedelta(seconds=7)
    assert waits[5] > timedelta(minutes=2)
    assert max(waits) < timedelta(hours=8)
    assert (item.state, item.attempts) == ("dead", 20)
    assert "unexpected keyword argument" in item.last_error
    assert item.payload, "staff may still want to try again"
    assert notes() == 0


def test_an_unknown_job_is_kept_with_its_reason(worker, acme):
    item_id = saved(outbox.queue_job("no_such_job", vendor_id=acme.id))
    worker.drain()

    assert "no_such_job" in look(item_id).last_error


def test_a_busy_mail_server_is_tried_again_and_a_refusing_one_is_not(worker, acme, monkeypatch):
    answers = iter([smtplib.SMTPServerDisconnected("gone"), transports.Refused("550 no such mailbox")])

    def refuse(*args):
        raise next(answers)

    monkeypatch.setattr(transports, "send", refuse)
    item_id = queue_mail(acme)
    worker.drain()
    assert look(item_id).state == "waiting"

    clock.move(timedelta(seconds=10))
    worker.drain()
    assert look(item_id).state == "dead"
    assert "550 no such mailbox" in look(item_id).last_error


def test_a_claimed_item_is_left_alone_until_its_lease_ends(worker, acme):
    item_id = queue_note(acme)
    claim_one()
    assert worker.drain().processed == 0

    clock.move(claims.LEASE + timedelta(seconds=1))
    assert worker.drain().processed == 1
    assert look(item_id).attempts == 2


def test_what_a_worker_writes_after_losing_its_lease_changes_nothing(worker, acme):
    item_id = queue_note(acme)
    late = claim_one()
    clock.move(claims.LEASE + timedelta(seconds=1))
    worker.drain()
    assert notes() == 1

    assert worker.perform(late) is False
    assert notes() == 1
    assert (look(item_id).state, look(item_id).last_error) == ("done", "")


def test_an_item_that_kills_every_worker_is_put_aside(worker, acme):
    item_id = queue_note(acme)
    for _ in range(claims.MOST_TRIES):
        claim_one()
        clock.move(claims.LEASE + timedelta(seconds=1))
    worker.drain()

    assert look(item_id).state == "dead"
    assert "middle of every try" in look(item_id).last_error


def test_old_rows_are_cleaned_away_and_dead_ones_stay(worker, acme):
    queue_note(acme)
    mail_id = queue_mail(acme)
    worker.drain()
    dead = outbox.queue_job("no_such_job", vendor_id=acme.id)
    dead.state = "dead"
    dead_id = saved(dead)

    clock.move(timedelta(days=31))
    worker.tidy()
    db.session.rollback()
    left = set(db.session.scalars(select(OutboxItem.id)))
    assert left == {mail_id, dead_id}


def test_expired_codes_sessions_and_counters_are_cleaned_away(worker, acme):
    from portal.account.models import UserSession
    from portal.throttle import ThrottleCounter
    from tests.factories import make_user

    user = make_user()
    for days in (-31, -1, 1):
        at = clock.now() + timedelta(days=days)
        db.session.add(UserSession(user_id=user.id, token_digest=f"{days}", expires_at=at))
        db.session.add(ThrottleCounter(key=f"{days}", expires_at=at))
    db.session.commit()
    worker.tidy()
    db.session.rollback()

    assert set(db.session.scalars(select(UserSession.token_digest))) == {"-1", "1"}
    assert set(db.session.scalars(select(ThrottleCounter.key))) == {"1"}


def test_a_thread_beside_the_server_works_until_it_is_stopped(app, acme, worker, tmp_path: Path):
    item_id = queue_note(acme)
    beside = Worker(app, poll_seconds=0.01)
    beside.start()
    for _ in range(500):
        if look(item_id).state == "done":
            break
        beside._stopping.wait(0.01)
    beside.stop()

    assert look(item_id).state == "done"
    assert not beside._thread.is_alive()
