"""What an event's body says about itself, in the shapes of any API version. It is a hint, never the truth."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NAME = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
LATEST = 253_402_300_799  # the last second of the year 9999


class Unreadable(ValueError):
    """The body is not an event."""


@dataclass(frozen=True)
class EventFacts:
    """What the inbox keeps of an event beside its body; see `StripeEvent`. instance: `latchkey_instance`, if any."""

    event_id: str
    type: str
    object_id: str
    subject: str
    livemode: bool | None
    account: str
    instance: str
    created_at: datetime | None


def read(raw: bytes) -> EventFacts:
    """The facts of a raw body. Raises Unreadable."""
    event = _object(raw)
    event_id, kind = _name(event.get("id")), _name(event.get("type"))
    if not event_id or not 0 < len(kind) <= 120:
        raise Unreadable
    data = event.get("data")
    found = data.get("object") if isinstance(data, dict) else None
    shown = found if isinstance(found, dict) else {}
    livemode = event.get("livemode")
    return EventFacts(
        event_id=event_id,
        type=kind,
        object_id=_name(shown.get("id")),
        subject=_subject(kind, shown),
        livemode=livemode if isinstance(livemode, bool) else None,
        account=_name(event.get("account"))[:60],
        instance=_instance(shown),
        created_at=_time(event.get("created")),
    )


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    if not isinstance(found, dict):
        raise Unreadable
    return found


def subscription_of_invoice(invoice: dict[str, Any]) -> str:
    """The subscription an invoice belongs to: below `parent` since 2025-03-31.basil, before on the invoice itself."""
    parent = invoice.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    newer = details.get("subscription") if isinstance(details, dict) else None
    return _id(newer) or _id(invoice.get("subscription"))


def _subject(kind: str, shown: dict[str, Any]) -> str:
    if kind.startswith("invoice."):
        return subscription_of_invoice(shown) or _name(shown.get("id"))
    if kind.startswith("checkout.session."):
        return _id(shown.get("subscription")) or _name(shown.get("id"))
    if kind.startswith(("charge.", "refund.")):
        return _id(shown.get("payment_intent"))
    return _name(shown.get("id"))


def _instance(shown: dict[str, Any]) -> str:
    parent = shown.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else shown.get("subscription_details")
    for holder in (shown, details):
        metadata = holder.get("metadata") if isinstance(holder, dict) else None
        if isinstance(metadata, dict) and isinstance(metadata.get("latchkey_instance"), str):
            return str(metadata["latchkey_instance"])
    return ""


def _id(found: Any) -> str:
    return _name(found.get("id") if isinstance(found, dict) else found)


def _name(found: Any) -> str:
    return found if isinstance(found, str) and NAME.fullmatch(found) else ""


def _time(found: Any) -> datetime | None:
    known = isinstance(found, int) and not isinstance(found, bool) and 0 < found <= LATEST
    return datetime.fromtimestamp(found, UTC) if known else None
