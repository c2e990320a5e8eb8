"""Sends queued mail and does queued jobs. Any number of workers may run, and any of them may be killed at any time.

Mail goes out at least once: after a crash between the server's 250 and our commit it is sent again under the same
Message-ID. A job's changes and its end are one transaction, so they happen exactly once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Flask, current_app, g
from sqlalchemy import Connection, Update

from portal import clock, crypto, failpoints, logging
from portal.extensions import db
from portal.outbox import claims, schedule
from portal.outbox import service as outbox
from portal.outbox.claims import Claim
from portal.outbox.mail import message, rendering, transports

TIDY_EVERY_SECONDS = 3600
SCHEDULE_EVERY_SECONDS = 30
PAUSE_AFTER_ERROR = 5
SLICE_SECONDS = 0.2  # for each other queue, after each item of the outbox; one piece of work at least


@dataclass
class Tally:
    """How many items went well and how many did not."""

    processed: int = 0
    failed: int = 0


class Worker:
    """One worker: in a process of its own, or as a thread beside the server.

    poll_seconds: how long it rests when nothing is due.
    """

    def __init__(self, app: Flask, *, poll_seconds: float = 0.5) -> None:
        self.app = app
        self.poll_seconds = poll_seconds
        self._is_asked = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Run in a thread of this process."""
        self._thread = threading.Thread(target=self.run, name="outbox worker", daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let `run` or `drain` end after the item at hand; may be called in a signal handler.

        So it sets no Event: that takes a lock, which the interrupted thread may hold.
        """
        self._is_asked = True

    def stop(self) -> None:
        """Stop the thread that `start` began, after the item at hand."""
        self._stopping.set()
        if self._thread:
            self._thread.join(timeout=30)

    def run(self) -> Tally:
        """Work until asked to stop. Whatever goes wrong, such as a database that is away, is waited out."""
        total = Tally()
        tidied_at = scheduled_at = -float(TIDY_EVERY_SECONDS)
        while not self._is_over():
            try:
                if clock.monotonic() - tidied_at >= TIDY_EVERY_SECONDS:
                    self.tidy()
                    tidied_at = clock.monotonic()
                if clock.monotonic() - scheduled_at >= SCHEDULE_EVERY_SECONDS:
                    self.schedule()
                    scheduled_at = clock.monotonic()
                tally = self.drain()
                total.processed += tally.processed
                total.failed += tally.failed
                self._stopping.wait(self.poll_seconds)
            except Exception as error:
                logging.get().error("the queue stands still for a moment", exc_info=error)
                self._stopping.wait(PAUSE_AFTER_ERROR)
        return total

    def _is_over(self) -> bool:
        return self._is_asked or self._stopping.is_set()

    def drain(self) -> Tally:
        """Work off everything that is due now, in all queues, or until asked to stop."""
        tally = Tally()
        while not self._is_over():
            results = [result for result in self._round() if result is not None]
            if not results:
                break
            tally.processed += sum(results)
            tally.failed += len(results) - sum(results)
        return tally

    def _round(self) -> Iterator[bool | None]:
        """Some work of each queue, so that none holds up the others; keys come before what follows from them."""
        claim = self._next()
        yield None if claim is None else self.perform(claim)
        for work_once in self.app.extensions["work"].queues:
            yield from self._slice(work_once)

    def _slice(self, work_once: Callable[[], bool | None]) -> Iterator[bool | None]:
        """Pieces of one queue until the time is up, so that a mail waits little, however slow Stripe is."""
        until = clock.monotonic() + SLICE_SECONDS
        result: bool | None = True
        while result is not None and not self._is_over():
            with self.app.app_context():
                result = work_once()
            yield result
            if clock.monotonic() >= until:
                break

    def tidy(self) -> None:
        """Delete what has had its day."""
        for clean_up in self.app.extensions["work"].housekeeping:
            with self.app.app_context():
                clean_up()
                failpoints.reach("worker.tidy.before_commit")
                db.session.commit()
                failpoints.reach("worker.tidy.after_commit")

    def schedule(self) -> None:
        """Queue the jobs whose turn has come."""
        for name, seconds in self.app.extensions["work"].schedule.items():
            with self.app.app_context():
                schedule.queue_turn(name, seconds)
                failpoints.reach("worker.schedule.before_commit")
                db.session.commit()
                failpoints.reach("worker.schedule.after_commit")

    def perform(self, claim: Claim) -> bool:
        """Do one claimed item and record how it went; whether it went well."""
        with self.app.app_context():
            if claim.attempts > claims.MOST_TRIES:
                return self._give_up(claim, "The worker was stopped in the middle of every try.", for_good=True)
            try:
                {"mail": _send_mail, "job": _do_job}[claim.kind](claim)
            except transports.Refused as error:
                return self._give_up(claim, f"The mail server refuses it: {error}", for_good=True)
            except Exception as error:
                logging.get().warning("queued item failed", item=claim.id, name=claim.name, exc_info=error)
                return self._give_up(claim, f"{type(error).__name__}: {error}")
            return True

    def _next(self) -> Claim | None:
        with self.app.app_context():
            claim = claims.take(claims.is_due, _claim)
            if claim is not None:
                failpoints.reach("worker.claim.after_commit")
            return claim

    def _give_up(self, claim: Claim, reason: str, *, for_good: bool = False) -> bool:
        db.session.rollback()
        _put_back(claims.failed(claim, reason, for_good=for_good))
        return False


class Overtaken(Exception):
    """The lease ran out and another worker took the item: what this one did to the database is dropped."""


def _claim(connection: Connection) -> Claim | None:
    claim = claims.claim(connection)
    failpoints.reach("worker.claim.before_commit")
    return claim


def _send_mail(claim: Claim) -> None:
    """Render, send with no transaction open, then mark as done; later, while a mail waits that goes before it."""
    work = current_app.extensions["work"]
    payload = outbox.payload_of(claim)
    earlier = payload.get("after")
    g.read_only = True
    turns = db.session.scalars(claims.turns_of(earlier)).all() if earlier else []
    vendor = work.find_brand(claim.vendor_id) if claim.vendor_id else None
    db.session.rollback()
    g.read_only = False
    if turns:
        _put_back(claims.put_off(claim, max(turns)))
        return
    shown = rendering.render(claim.name, vendor, payload["language"], payload["context"])
    mail = message.pack(
        shown,
        recipient=claim.recipient,
        vendor=vendor,
        name=claim.name,
        message_id=claim.message_id,
        made_at=claim.created_at,
    )
    failpoints.reach("worker.mail.before_send")
    transports.send(mail, crypto.settings().mail_url)
    failpoints.reach("worker.mail.after_send")
    _finish(claim)


def _put_back(statement: Update) -> None:
    db.session.execute(statement)
    failpoints.reach("worker.failed.before_commit")
    db.session.commit()
    failpoints.reach("worker.failed.after_commit")


def _do_job(claim: Claim) -> None:
    """Run the job's function; its changes and the end of the item are one transaction."""
    job = current_app.extensions["work"].jobs[claim.name]
    job(vendor_id=claim.vendor_id, **outbox.payload_of(claim))
    failpoints.reach("worker.job.after_work")
    _finish(claim)


def _finish(claim: Claim) -> None:
    db.session.flush()
    if not claims.done(db.session.connection(), claim):
        raise Overtaken("Another worker took over.")
    failpoints.reach("worker.done.before_commit")
    db.session.commit()
    failpoints.reach("worker.done.after_commit")
