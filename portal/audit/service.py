"""Write and read the record of who did what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g, has_request_context, request
from sqlalchemy import or_, select

from portal.audit.models import AuditEntry
from portal.extensions import db

SECRET_WORDS = ("password", "secret", "api_key", "token", "nonce", "digest", "code")
BY_PEOPLE = ("staff", "command")
PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Actor:
    """Who acts. kind: staff, user, system, command or api."""

    kind: str
    id: int | None
    label: str


SYSTEM = Actor("system", None, "Latchkey")


def current_actor() -> Actor:
    """The actor of the running request or command; the gate and the command line set it on `g`."""
    return g.get("actor", SYSTEM)


def record(
    vendor_id: int | None,
    action: str,
    record: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    actor: Actor | None = None,
) -> AuditEntry:
    """Add an entry to the caller's transaction.

    action: `customer.create` style. record: `customer:12` style. before and after: plain fields; only those that
    differ are kept, and those that sound like secrets never.
    """
    who = actor or current_actor()
    old, new = _differences(before or {}, after or {})
    ip = (request.remote_addr or "") if has_request_context() else ""
    entry = AuditEntry(
        vendor_id=vendor_id,
        actor_kind=who.kind,
        actor_id=who.id,
        actor_label=who.label,
        action=action,
        record=record,
        before=old,
        after=new,
        ip=ip,
    )
    db.session.add(entry)
    return entry


def list_for(
    vendor: Any, *, text: str = "", record: str = "", before_id: int | None = None, limit: int = 50
) -> list[AuditEntry]:
    """The newest entries of a vendor, older than `before_id`.

    text searches actor, action and record; record (`customer:12`) is exact.
    """
    statement = select(AuditEntry).where(AuditEntry.vendor_id == vendor.id).order_by(AuditEntry.id.desc()).limit(limit)
    if record:
        statement = statement.where(AuditEntry.record == record)
    if before_id is not None:
        statement = statement.where(AuditEntry.id < before_id)
    if text:
        pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        columns = (AuditEntry.actor_label, AuditEntry.action, AuditEntry.record)
        statement = statement.where(or_(*(column.ilike(pattern, escape="\\") for column in columns)))
    return list(db.session.scalars(statement))


def find_last(vendor: Any, record: str, actions: Sequence[str]) -> AuditEntry | None:
    """The newest of these actions on a record that a person took, by a page or a command."""
    mine = select(AuditEntry).where(
        AuditEntry.vendor_id == vendor.id,
        AuditEntry.record == record,
        AuditEntry.action.in_(actions),
        AuditEntry.actor_kind.in_(BY_PEOPLE),
    )
    return db.session.scalar(mine.order_by(AuditEntry.id.desc()).limit(1))


def _differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return (
        {name: _shown(name, before[name]) for name in names if name in before},
        {name: _shown(name, after[name]) for name in names if name in after},
    )


def _shown(name: str, value: Any) -> Any:
    if any(word in name.lower() for word in SECRET_WORDS):
        return "[hidden]"
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, PLAIN) else str(value)
