"""Who works on an item: claim it for a while, then finish it, unless somebody else has taken over meanwhile."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from flask import g
from sqlalchemy import ColumnElement, Connection, Select, Update, and_, bindparam, or_, select, text, update

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db
from portal.outbox.models import OutboxItem

Claimed = TypeVar("Claimed")

LEASE = timedelta(minutes=5)
ITS_TURN = timedelta(seconds=30)  # how long a mail waits at a time for one that must go before it
MOST_TRIES = 20
FIRST_PAUSE_SECONDS = 5
LONGEST_PAUSE_SECONDS = 6 * 3600
LONGEST_ERROR = 500
# What PostgreSQL knows about a queue is often from before the backlog. It then takes few to be waiting, and sorts them
# all for each claim instead of reading the first from the index.
IN_ORDER = text("SET LOCAL enable_sort = off")

_COLUMNS = (
    OutboxItem.id,
    OutboxItem.vendor_id,
    OutboxItem.kind,
    OutboxItem.name,
    OutboxItem.recipient,
    OutboxItem.payload,
    OutboxItem.message_id,
    OutboxItem.attempts,
    OutboxItem.fence,
    OutboxItem.created_at,
)


@dataclass(frozen=True)
class Claim:
    """An item as it was claimed. fence: the number that must still stand on the row to finish it."""

    id: int
    vendor_id: int | None
    kind: str
    name: str
    recipient: str
    payload: str
    message_id: str
    attempts: int
    fence: int
    created_at: datetime


_DUE = and_(
    OutboxItem.state == "waiting",
    OutboxItem.available_at <= bindparam("now"),
    or_(OutboxItem.lease_until.is_(None), OutboxItem.lease_until <= bindparam("now")),
)
_NEXT = select(OutboxItem.id).where(_DUE).order_by(OutboxItem.available_at, OutboxItem.id).limit(1)
_CLAIM = (
    update(OutboxItem)
    .where(OutboxItem.id == _NEXT.with_for_update(skip_locked=True).scalar_subquery())
    .values(lease_until=bindparam("until"), fence=OutboxItem.fence + 1, attempts=OutboxItem.attempts + 1)
    .returning(*_COLUMNS)
    .execution_options(synchronize_session=False)
)
_TABLE = OutboxItem.__table__.c
_DONE = (
    update(OutboxItem.__table__)  # type: ignore[arg-type]
    .where(_TABLE.id == bindparam("row"), _TABLE.fence == bindparam("held"), _TABLE.state == "waiting")
    .values(state="done", payload="", last_error="", lease_until=None, done_at=bindparam("now", type_=UtcDateTime))
)


def take(is_due: Callable[[Connection], bool], claim: Callable[[Connection], Claimed | None]) -> Claimed | None:
    """What `claim` takes from a queue, for good when this returns; in the caller's app context, outside a transaction.

    On SQLite claiming takes the one write lock, so that `is_due` has a look first.
    """
    if db.engine.dialect.name == "sqlite" and not _reads(is_due):
        return None
    with db.engine.begin() as connection:
        return claim(connection)


def _reads(question: Callable[[Connection], bool]) -> bool:
    g.read_only = True
    with db.engine.connect() as connection:
        answer = question(connection)
    g.read_only = False
    return answer


def is_due(connection: Connection) -> bool:
    """Whether anything waits."""
    return connection.execute(_NEXT, {"now": clock.now()}).first() is not None


def claim(connection: Connection) -> Claim | None:
    """Take the item that has waited longest, for five minutes; None if nothing is due."""
    now = clock.now()
    if connection.dialect.name == "postgresql":
        connection.execute(IN_ORDER)
    row = connection.execute(_CLAIM, {"now": now, "until": now + LEASE}).first()
    return Claim(**row._mapping) if row else None


def done(connection: Connection, claim: Claim) -> bool:
    """Finish an item and empty it; False when the claim was lost."""
    facts = {"row": claim.id, "held": claim.fence, "now": clock.now()}
    return connection.execute(_DONE, facts).rowcount == 1


def failed(claim: Claim, reason: str, *, for_good: bool = False) -> Update:
    """The statement that puts an item back for a later try, or aside after the last one, with the reason to see."""
    given_up = for_good or claim.attempts >= MOST_TRIES
    return _still(claim).values(
        state="dead" if given_up else "waiting",
        available_at=clock.now() + pause_after(claim.attempts),
        lease_until=None,
        last_error=reason[:LONGEST_ERROR],
    )


def turns_of(earlier: Sequence[int]) -> Select[datetime]:
    """When those of these items that still wait are to be done; no rows when none does."""
    return select(OutboxItem.available_at).where(OutboxItem.id.in_(earlier), OutboxItem.state == "waiting")


def put_off(claim: Claim, until: datetime) -> Update:
    """The statement that puts an item back because others come first; this was no try."""
    later = max(until, clock.now() + ITS_TURN)
    return _still(claim).values(available_at=later, lease_until=None, attempts=OutboxItem.attempts - 1)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many tries: 5 s, doubling up to 6 h, a fifth more or less so that they spread."""
    seconds = min(FIRST_PAUSE_SECONDS * 2 ** (attempts - 1), LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=seconds * (800 + secrets.randbelow(401)) / 1000)


def _still(claim: Claim) -> Update:
    mine: ColumnElement[bool] = and_(
        OutboxItem.id == claim.id, OutboxItem.fence == claim.fence, OutboxItem.state == "waiting"
    )
    return update(OutboxItem).where(mine).execution_options(synchronize_session=False)
