"""What the door needs: whose endpoint it is, and the row that an event becomes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from flask import current_app, g
from sqlalchemy import Connection, Dialect, bindparam, select

from portal import clock, crypto
from portal.billing import service as billing
from portal.billing.models import StripeAccount
from portal.database import insert_into
from portal.extensions import db
from portal.vendors.models import Vendor
from portal.webhooks import reading
from portal.webhooks.event_types import is_handled
from portal.webhooks.models import StripeEvent
from portal.webhooks.reading import EventFacts, Unreadable

__all__ = ["Endpoint", "Unreadable", "find_endpoint", "row_for", "store"]

FRESH = 1.0  # seconds
COLUMNS = tuple(one.name for one in StripeEvent.__table__.columns if one.name not in ("id", "lease_until"))
_ENDPOINT = (
    select(
        Vendor.id,
        StripeAccount.webhook_secrets,
        StripeAccount.livemode,
        StripeAccount.account_id,
        StripeAccount.instance,
    )
    .outerjoin(StripeAccount, StripeAccount.vendor_id == Vendor.id)
    .where(Vendor.id == bindparam("vendor_id"))
)


@dataclass(frozen=True)
class Endpoint:
    """A vendor's door. secrets: none before the vendor has set one. livemode: None before a key was set."""

    vendor_id: int
    secrets: tuple[str, ...] = field(repr=False)
    livemode: bool | None
    account_id: str
    instance: str


def find_endpoint(text: str, *, anew: bool = True) -> Endpoint | None:
    """The door of the vendor with this number, or None. Reads without the write lock.

    anew: False takes what was read up to a second ago, which saves the door half its time.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**31):
        return None
    remembered: dict[int, tuple[float, Endpoint]] = current_app.extensions.setdefault("webhook_endpoints", {})
    now = clock.monotonic()
    read_at, endpoint = remembered.get(int(text), (-FRESH, None))
    if endpoint is not None and not anew and now - read_at < FRESH:
        return endpoint
    endpoint = _read_endpoint(int(text))
    if endpoint is not None:
        remembered[endpoint.vendor_id] = (now, endpoint)
    return endpoint


def _read_endpoint(vendor_id: int) -> Endpoint | None:
    g.read_only = True
    with db.engine.connect() as connection:
        row = connection.execute(_ENDPOINT, {"vendor_id": vendor_id}).first()
    g.read_only = False
    if row is None:
        return None
    return Endpoint(row[0], billing.opened_secrets(row[0], row[1] or ""), row[2], row[3] or "", row[4] or "")


def row_for(endpoint: Endpoint, raw: bytes) -> dict[str, Any]:
    """The inbox row of a genuine body. Raises Unreadable."""
    facts = reading.read(raw)
    now = clock.now()
    sha256 = hashlib.sha256(raw).hexdigest()
    state = _state(endpoint, facts)
    return {
        "vendor_id": endpoint.vendor_id,
        "event_id": facts.event_id,
        "sha256": sha256,
        "raw": crypto.seal(raw.decode("utf-8"), place(endpoint.vendor_id, sha256)),
        "type": facts.type,
        "object_id": facts.object_id,
        "subject": facts.subject,
        "livemode": facts.livemode,
        "account": facts.account,
        "created_at": facts.created_at or now,
        "received_at": now,
        "state": state,
        "attempts": 0,
        "fence": 0,
        "last_error": "",
        "available_at": now,
        "done_at": None if state == "received" else now,
    }


def store(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Put rows into the inbox in the caller's transaction, those left out whose very same body stands there already."""
    write(connection.connection.cursor(), connection.dialect, rows)


def write(cursor: Any, dialect: Dialect, rows: list[dict[str, Any]]) -> None:
    """The same by the driver's own cursor.

    In one order always: two transactions with the same rows must not wait for each other.
    """
    insert = _insert(dialect)
    for row in sorted(rows, key=lambda row: (row["vendor_id"], row["sha256"])):
        cursor.execute(insert.sql, insert.values(row))


def place(vendor_id: int, sha256: str) -> str:
    """Where a sealed body belongs."""
    return f"stripe_event:{vendor_id}:{sha256}"


@lru_cache(maxsize=4)
def _insert(dialect: Dialect) -> _Insert:
    return _Insert(dialect)


class _Insert:
    """The statement for one kind of database, compiled once: building and binding it costs more than running it."""

    def __init__(self, dialect: Dialect) -> None:
        statement = insert_into(StripeEvent.__table__).on_conflict_do_nothing()
        compiled = statement.compile(dialect=dialect, column_keys=COLUMNS)
        self.sql = str(compiled)
        self.positions = compiled.positiontup
        self.written = [
            (name, convert)
            for name, bound in compiled.binds.items()
            if (convert := bound.type.dialect_impl(dialect).bind_processor(dialect))
        ]

    def values(self, row: dict[str, Any]) -> Any:
        """A row as the driver takes it."""
        sent = dict(row)
        for name, convert in self.written:
            sent[name] = convert(sent[name])
        return sent if self.positions is None else tuple([sent[name] for name in self.positions])


def _state(endpoint: Endpoint, facts: EventFacts) -> str:
    """Events of another mode, account or installation are not ours; types without a use are done at once."""
    other_mode = None not in (endpoint.livemode, facts.livemode) and endpoint.livemode != facts.livemode
    other_account = bool(facts.account and endpoint.account_id and facts.account != endpoint.account_id)
    other_instance = bool(facts.instance and endpoint.instance and facts.instance != endpoint.instance)
    if other_mode or other_account or other_instance:
        return "ignored"
    return "received" if is_handled(facts.type) else "done"
