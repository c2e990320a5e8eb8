"""What the door needs: whose endpoint it is, and the row that an event becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from flask import current_app, g
from sqlalchemy import Connection, Dialect, bindparam, select

from portal import clock, crypto
from portal.billing import service as billing
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.vendors.models import Vendor
from portal.webhooks import reading
from portal.webhooks.event_types import is_handled
from portal.webhooks.models import StripeEvent
from portal.webhooks.reading import EventFacts, Unreadable

__all__ = ["Endpoint", "Unreadable", "find_endpoint", "row_for", "store"]

FRESH = 1.0  # seconds
COLUMNS = tuple(one for one in StripeEvent.__table__.columns if one.name not in ("id", "lease_until"))
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


def find_endpoint(text: str) -> Endpoint | None:
    """The door of the vendor with this number, or None. Reads without the write lock."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**31):
        return None
    now = clock.monotonic()
    endpoint = _read_endpoint(int(text))
    if endpoint is not None:
        _remembered()[str(endpoint.vendor_id)] = (now, endpoint)
    return endpoint


def remembered_endpoint(text: str) -> Endpoint | None:
    """The same if it was read within the last second. It may only let in: whoever is to be refused is looked up."""
    read_at, endpoint = _remembered().get(text, (0.0, None))
    return endpoint if clock.monotonic() - read_at < FRESH else None


def _remembered() -> dict[str, tuple[float, Endpoint | None]]:
    found: dict[str, tuple[float, Endpoint | None]] = current_app.extensions.setdefault("webhook_endpoints", {})
    return found


def _read_endpoint(vendor_id: int) -> Endpoint | None:
    g.read_only = True
    with db.engine.connect() as connection:
        row = connection.execute(_ENDPOINT, {"vendor_id": vendor_id}).first()
    g.read_only = False
    if row is None:
        return None
    return Endpoint(row[0], billing.opened_secrets(row[0], row[1] or ""), row[2], row[3] or "", row[4] or "")


def row_for(endpoint: Endpoint, raw: bytes, *, is_fetched: bool = False) -> dict[str, Any]:
    """The inbox row of a genuine body. is_fetched: from Stripe's list. Raises Unreadable."""
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
        "is_fetched": is_fetched,
    }


def store(connection: Connection, row: dict[str, Any]) -> None:
    """Put a row into the inbox in the caller's transaction, unless the very same body stands there already."""
    connection.exec_driver_sql(*insertion(connection.dialect, [row]))


def insertion(dialect: Dialect, rows: list[dict[str, Any]]) -> tuple[str, tuple[Any, ...]]:
    """The one statement that stores rows, those left out that stand there already, and its values for the driver.

    In one order always: two transactions with the same rows must not wait for each other.
    """
    ordered = sorted(rows, key=lambda row: (row["vendor_id"], row["sha256"]))
    written = _written(dialect)
    values = tuple([convert(row[name]) if convert else row[name] for row in ordered for name, convert in written])
    return _statement(dialect.name, len(rows)), values


def place(vendor_id: int, sha256: str) -> str:
    """Where a sealed body belongs."""
    return f"stripe_event:{vendor_id}:{sha256}"


@lru_cache(maxsize=4)
def _written(dialect: Dialect) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """The columns, each with what turns a value into the driver's."""
    return tuple((one.name, one.type.dialect_impl(dialect).bind_processor(dialect)) for one in COLUMNS)


@lru_cache(maxsize=128)
def _statement(dialect: str, count: int) -> str:
    """Written by hand: building and binding it costs SQLAlchemy more than the database needs to run it."""
    row = f"({', '.join(['?' if dialect == 'sqlite' else '%s'] * len(COLUMNS))})"
    names = ", ".join(one.name for one in COLUMNS)
    rows = ", ".join([row] * count)
    return f"INSERT INTO stripe_events ({names}) VALUES {rows} ON CONFLICT DO NOTHING"  # noqa: S608 (our own names)


def _state(endpoint: Endpoint, facts: EventFacts) -> str:
    """Events of another mode, account or installation are not ours; types without a use are done at once."""
    other_mode = None not in (endpoint.livemode, facts.livemode) and endpoint.livemode != facts.livemode
    other_account = bool(facts.account and endpoint.account_id and facts.account != endpoint.account_id)
    other_instance = bool(facts.instance and endpoint.instance and facts.instance != endpoint.instance)
    if other_mode or other_account or other_instance:
        return "ignored"
    return "received" if is_handled(facts.type) else "done"
