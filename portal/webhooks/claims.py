"""Who works on which events: all due ones of one subject are claimed together, so that they share one re-reading.

Leases, fences and pauses are those of the outbox. Two workers never hold the same subject, unless a lease ran out; then
the lock on the purchase and the time of the read decide (`fulfillment.service.apply`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Update, and_, bindparam, func, or_, select, tuple_, update
from sqlalchemy.orm import aliased

from portal import clock
from portal.database import UtcDateTime
from portal.outbox.claims import IN_ORDER, LEASE, LONGEST_ERROR, MOST_TRIES, pause_after
from portal.webhooks.models import StripeEvent

MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Claim:
    """The events of one subject. fences: by row id, the number that must still stand there to end it. tries: by row id.

    One that came last is not put aside for what its forerunners have failed at.
    """

    vendor_id: int
    subject: str
    kinds: tuple[str, ...]
    fences: dict[int, int]
    tries: dict[int, int]

    @property
    def attempts(self) -> int:
        """How often the one that was tried most was tried."""
        return max(self.tries.values())


def is_due(connection: Connection) -> bool:
    """Whether anything waits."""
    return connection.execute(_next(), {"now": clock.now()}).first() is not None


@cache  # building these statements costs more than running them
def _next() -> Select[Any, Any, Any]:
    """Row, vendor and subject of the event that has waited longest, of all whose subject is free."""
    now = bindparam("now", type_=UtcDateTime)
    return (
        select(StripeEvent.id, StripeEvent.vendor_id, StripeEvent.subject)
        .where(*_due(now), _forerunner(now).is_(None))
        .order_by(StripeEvent.available_at, StripeEvent.id)
        .limit(1)
    )


def _forerunner(now: Any) -> Any:
    """An event of the same subject that is worked on, or that goes first and so may just be taken by somebody.

    As a value: for NOT EXISTS, PostgreSQL may look at all that wait before it takes the first.
    """
    other = aliased(StripeEvent)
    is_same = (other.vendor_id == StripeEvent.vendor_id, other.subject == StripeEvent.subject, other.subject != "")
    is_first = tuple_(other.available_at, other.id) < tuple_(StripeEvent.available_at, StripeEvent.id)
    return (
        select(other.id)
        .where(*is_same, other.state == "received", or_(other.lease_until > now, is_first))
        .limit(1)
        .scalar_subquery()
    )


@cache
def next_locked() -> Select[Any, Any, Any]:
    """The same, nobody else's until the commit; what others have locked is passed over."""
    return _next().with_for_update(skip_locked=True, of=StripeEvent)


def claim(connection: Connection) -> Claim | None:
    """Take the events of the next subject; None if nothing is due."""
    now = clock.now()
    if connection.dialect.name == "postgresql":
        connection.execute(IN_ORDER)
    found = connection.execute(next_locked(), {"now": now}).first()
    if found is None:
        return None
    row, vendor_id, subject = found
    taken = _taking(by_subject=bool(subject))
    facts = {"now": now, "until": now + LEASE, "of_vendor": vendor_id} | (
        {"about": subject} if subject else {"this": row}
    )
    rows = connection.execute(taken, facts).all()
    kinds = tuple(dict.fromkeys(each.type for each in rows))
    fences = {each.id: each.fence for each in rows}
    return Claim(vendor_id, subject, kinds, fences, {each.id: each.attempts for each in rows})


@cache
def _taking(*, by_subject: bool) -> Update:
    """Lease what is due of a subject, or one event that has none."""
    # COALESCE keeps SQLite from reading all that is due, through the index made for it, to find those of one subject.
    now = bindparam("now", type_=UtcDateTime)
    mine = select(StripeEvent.id).where(
        *_due(now, func.coalesce(StripeEvent.available_at, now)), StripeEvent.vendor_id == bindparam("of_vendor")
    )
    if by_subject:
        mine = mine.where(StripeEvent.subject == bindparam("about"))
    else:
        mine = mine.where(StripeEvent.id == bindparam("this"))
    values = {
        "lease_until": bindparam("until", type_=UtcDateTime),
        "fence": StripeEvent.fence + 1,
        "attempts": StripeEvent.attempts + 1,
    }
    return (
        update(StripeEvent)
        .where(StripeEvent.id.in_(mine.limit(MOST_AT_ONCE).with_for_update(skip_locked=True).scalar_subquery()))
        .values(values)
        .returning(StripeEvent.id, StripeEvent.fence, StripeEvent.attempts, StripeEvent.type)
        .execution_options(synchronize_session=False)
    )


def done(connection: Connection, claim: Claim, note: str = "") -> bool:
    """End the events; False, with some of them still open, when the claim was lost."""
    facts = {"rows": list(claim.fences), "held": list(claim.fences.items()), "note": note, "now": clock.now()}
    return connection.execute(_ending(), facts).rowcount == len(claim.fences)


@cache
def _ending() -> Update:
    table = StripeEvent.__table__.c
    mine = table.id.in_(bindparam("rows", expanding=True))  # so that their index is used
    held = tuple_(table.id, table.fence).in_(bindparam("held", expanding=True))
    ended = {"last_error": bindparam("note"), "done_at": bindparam("now", type_=UtcDateTime)}
    still = update(StripeEvent.__table__).where(mine, held, table.state == "received")  # type: ignore[arg-type]
    return still.values(state="done", lease_until=None, **ended)


def failed(claim: Claim, reason: str) -> list[Update]:
    """The statements that put the events back for a later try, or aside after the last one, with the reason to see."""
    now = clock.now()
    back = {
        "available_at": now + pause_after(claim.attempts),
        "lease_until": None,
        "last_error": reason[:LONGEST_ERROR],
    }
    parked = {"state": "parked", "lease_until": None, "last_error": reason[:LONGEST_ERROR], "done_at": now}
    return [
        _still(row, fence).values(parked if claim.tries[row] >= MOST_TRIES else back)
        for row, fence in claim.fences.items()
    ]


def _due(now: Any, available_at: Any = StripeEvent.available_at) -> tuple[ColumnElement[bool], ...]:
    free = or_(StripeEvent.lease_until.is_(None), StripeEvent.lease_until <= now)
    return (StripeEvent.state == "received", available_at <= now, free)


def _still(row: int, fence: int) -> Update:
    mine = and_(StripeEvent.id == row, StripeEvent.fence == fence, StripeEvent.state == "received")
    return update(StripeEvent).where(mine).execution_options(synchronize_session=False)
