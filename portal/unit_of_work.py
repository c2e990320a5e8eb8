"""One commit per request, made by the edge; nothing leaves the process before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import g
from sqlalchemy import Connection

from portal import database, failpoints
from portal.current import current_g
from portal.extensions import db
from portal.prepared import end_reading


class NotAllowedNow(RuntimeError):
    """A programming mistake: a commit or a second transaction where none may be."""


def commit() -> None:
    """Make the request's changes durable. Refused while the form's token was not verified."""
    if g.get("csrf_failed", False):
        raise NotAllowedNow("A form without a valid csrf_token must not change anything.")
    failpoints.reach("unit_of_work.commit.before")
    db.session.commit()
    failpoints.reach("unit_of_work.commit.after")


def rollback() -> None:
    """Drop the request's changes and end its transaction."""
    end_reading()
    db.session.rollback()


def let_go() -> None:
    """End a transaction that has only read so far, because something slow follows. Refused with changes pending."""
    session = db.session()
    if session.new or session.dirty or session.deleted:
        raise NotAllowedNow("There are changes that would be lost.")
    end_reading()
    session.rollback()


@contextmanager
def reading() -> Iterator[None]:
    """Read without a write lock inside a request that will write later (before a slow password hash, say).

    Anything loaded is detached afterwards: take plain values out of it.
    """
    if db.session().in_transaction():
        raise NotAllowedNow("A transaction is open already.")
    before = g.get("read_only", False)
    g.read_only = True
    try:
        yield
    finally:
        rollback()
        g.read_only = before


@contextmanager
def around_call() -> Iterator[None]:
    """Commit the intent, call the outside with no transaction open, then go on in a new one."""
    commit()
    yield


@contextmanager
def own_transaction() -> Iterator[Connection]:
    """A short write of its own beside the request: throttle counters, last-seen, the return page's re-read.

    Never nested in a writing transaction: on SQLite that would wait for itself.
    """
    with _beside_request(), db.engine.begin() as connection:
        yield connection
        failpoints.reach("unit_of_work.own_transaction.before_commit")
    failpoints.reach("unit_of_work.own_transaction.after_commit")


def own_statement(statement: str, values: Any) -> None:
    """The same for a single statement of the driver: what the webhook door writes with."""
    with _beside_request():
        database.execute_alone(db.engine, statement, values)


@contextmanager
def _beside_request() -> Iterator[None]:
    here = current_g()
    before = here.get("read_only", False)
    if not before and db.session.registry.has() and db.session().in_transaction():
        raise NotAllowedNow("A short transaction must not run inside the request's own.")
    if before:
        rollback()
    here.read_only = False
    try:
        yield
    finally:
        here.read_only = before


@contextmanager
def own_session() -> Iterator[None]:
    """The same for services that write through `db.session`: committed at the end of the block, or dropped.

    What was loaded before is detached; load it anew.
    """
    if not g.get("read_only", False):
        raise NotAllowedNow("A request that may write has its own transaction.")
    rollback()
    g.read_only = False
    try:
        yield
        commit()
    finally:
        rollback()
        g.read_only = True
