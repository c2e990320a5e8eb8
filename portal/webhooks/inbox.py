"""What the door needs: whose endpoint it is, and the row that an event becomes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import g
from sqlalchemy import Connection, Executable, bindparam, select

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
    secrets: tuple[str, ...]
    livemode: bool | None
    account_id: str
    instance: str


def find_endpoint(text: str) -> Endpoint | None:
    """The door of the vendor with this number, or None. Reads without the write lock."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**31):
        return None
    g.read_only = True
    with db.engine.connect() as connection:
        row = connection.execute(_ENDPOINT, {"vendor_id": int(text)}).first()
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


def store(connection: Connection, row: dict[str, Any]) -> None:
    """Put the row into the inbox, unless the very same body stands there already."""
    connection.execute(_insert(connection.dialect.name), row)


def place(vendor_id: int, sha256: str) -> str:
    """Where a sealed body belongs."""
    return f"stripe_event:{vendor_id}:{sha256}"


@cache
def _insert(dialect: str) -> Executable:
    """Made once: building the statement costs more than running it."""
    statement: Executable = insert_into(StripeEvent.__table__).on_conflict_do_nothing()
    return statement


def _state(endpoint: Endpoint, facts: EventFacts) -> str:
    """Events of another mode, account or installation are not ours; types without a use are done at once."""
    other_mode = None not in (endpoint.livemode, facts.livemode) and endpoint.livemode != facts.livemode
    other_account = bool(facts.account and endpoint.account_id and facts.account != endpoint.account_id)
    other_instance = bool(facts.instance and endpoint.instance and facts.instance != endpoint.instance)
    if other_mode or other_account or other_instance:
        return "ignored"
    return "received" if is_handled(facts.type) else "done"
