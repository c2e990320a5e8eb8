"""Queue mail and jobs inside the caller's transaction; nothing leaves before the commit."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from sqlalchemy import Executable, bindparam, select

from portal import clock, crypto
from portal.database import insert_into
from portal.extensions import db
from portal.outbox.models import OutboxItem

AHEAD = timedelta(hours=1)
# Made once: building such statements costs more than running them.
_WAITING_MAILS = (
    select(OutboxItem.id, OutboxItem.dedupe_key)
    .where(
        OutboxItem.vendor_id == bindparam("vendor_id"),
        OutboxItem.recipient == bindparam("recipient"),
        OutboxItem.kind == "mail",
        OutboxItem.state == "waiting",
    )
    .order_by(OutboxItem.id)
)


def queue_mail(
    name: str,
    recipient: str,
    *,
    vendor_id: int | None,
    language: str = "en",
    dedupe_key: str | None = None,
    is_awaited: bool = False,
    after: Sequence[int] = (),
    **context: Any,
) -> OutboxItem | None:
    """Queue a mail.

    name: folder under templates/mail/. context: plain JSON values for its templates; sealed, because it may hold a
    code. The worker adds `vendor` (brand) itself. is_awaited: somebody looks at a screen until it comes, so it goes
    before all that waits less than an hour. after: earlier items; it is not sent while one of them waits. Returns None
    if the dedupe key was queued before.
    """
    payload = {"language": language, "context": context} | ({"after": [*after]} if after else {})
    due = clock.now() - AHEAD if is_awaited else None
    return _queue("mail", name, payload, vendor_id, dedupe_key, recipient=recipient, available_at=due)


def waiting_mails(vendor_id: int, recipient: str) -> dict[int, str]:
    """The mails to an address that still wait, or are being sent, oldest first: their dedupe keys by id."""
    rows = db.session.execute(_WAITING_MAILS, {"vendor_id": vendor_id, "recipient": recipient})
    return {id_: key or "" for id_, key in rows}


def queue_job(
    name: str,
    *,
    vendor_id: int | None,
    dedupe_key: str | None = None,
    available_at: datetime | None = None,
    **arguments: Any,
) -> OutboxItem | None:
    """Queue a job of `jobs.py`. arguments: plain JSON values. Returns None if the dedupe key was queued before."""
    return _queue("job", name, arguments, vendor_id, dedupe_key, available_at=available_at)


def _queue(
    kind: str,
    name: str,
    payload: dict[str, Any],
    vendor_id: int | None,
    dedupe_key: str | None,
    **columns: Any,
) -> OutboxItem | None:
    message_id = secrets.token_hex(16)
    values = {
        "kind": kind,
        "name": name,
        "vendor_id": vendor_id,
        "message_id": message_id,
        "payload": crypto.seal(json.dumps(payload), f"outbox:{message_id}"),
        "recipient": columns.get("recipient", ""),
        "available_at": columns.get("available_at") or clock.now(),
    }
    if dedupe_key is None:
        item = OutboxItem(**values)
        db.session.add(item)
        return item
    # Not "look, then insert": two workers that do so at once would fail, with everything else they have done.
    return db.session.scalars(_new(db.engine.dialect.name), {"dedupe_key": dedupe_key, **values}).first()


@cache  # building this statement costs several times what running it does
def _new(dialect: str) -> Executable:
    columns = OutboxItem.__table__.c
    new = insert_into(OutboxItem.__table__).on_conflict_do_nothing(index_elements=["dedupe_key"])
    return select(OutboxItem).from_statement(new.returning(*columns))


class Sealed(Protocol):
    """A waiting item, or a worker's claim on one."""

    @property
    def payload(self) -> Any: ...

    @property
    def message_id(self) -> Any: ...


def payload_of(item: Sealed) -> dict[str, Any]:
    """The opened payload of a waiting item."""
    return dict(json.loads(crypto.open_sealed(item.payload, f"outbox:{item.message_id}")))
