"""Events: what changed in a transaction, told the way Stripe tells it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from portal.sandbox import event_types
from portal.sandbox.expansion import present
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.webhooks import schedule

API_VERSION = "2026-05-27.dahlia"
NO_REQUEST: Document = {"id": None, "idempotency_key": None}


class Journal:
    """Remembers what each object was before the transaction first touched it.

    request: the API call that causes the changes; nothing for hosted pages and for what time does.
    """

    def __init__(self, request: Document | None = None) -> None:
        self.request = request or NO_REQUEST
        self._before: dict[tuple[str, str], Document | None] = {}

    def watch(self, ledger: Ledger, document: Document) -> None:
        """Called by the ledger before it writes. A subscription's items belong to the subscription."""
        kind, id_ = document["object"], document["id"]
        if kind == "subscription_item":
            kind, id_ = "subscription", document["subscription"]
        if kind in event_types.KINDS and (kind, id_) not in self._before:
            found = ledger.find(kind, id_)
            self._before[kind, id_] = present(ledger, found) if found else None

    def close(self, ledger: Ledger) -> None:
        """Write an event for everything that is different now, and plan its deliveries."""
        for (kind, id_), before in self._before.items():
            found = ledger.find(kind, id_)
            after = present(ledger, found) if found else None
            if after is not None and after != before:
                for name in event_types.of(kind, before, after):
                    add_event(ledger, name, after, before, self.request)
        self._before.clear()


def add_event(
    ledger: Ledger, name: str, after: Document, before: Document | None = None, request: Document | None = None
) -> Document:
    """Write one event and plan its deliveries. before: the object's earlier state, for `previous_attributes`."""
    data: Document = {"object": after}
    if name == "billing_portal.session.created":
        data["object"] = after | {"url": f"{ledger.public_url}/p/session/hidden"}
    if before is not None and name.endswith(".updated"):
        data["previous_attributes"] = _differences(before, after)
    event = ledger.add(
        "event",
        {
            "api_version": API_VERSION,
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": request or NO_REQUEST,
            "type": name,
        },
    )
    schedule.plan(ledger, event)
    return event


def shown(ledger: Ledger, document: Document) -> Document:
    """An object as events quote it."""
    return present(ledger, document)


@contextmanager
def written(ledger: Ledger, request: Document | None = None) -> Iterator[Ledger]:
    """The ledger, watched; at the end its changes become events. Use inside a transaction."""
    journal = Journal(request)
    watched = replace(ledger, watch=journal.watch)
    yield watched
    journal.close(watched)


def _differences(before: Any, after: Any) -> Document:
    """The earlier values of what changed; inside objects only the changed keys."""
    found: Document = {}
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True):
            continue
        found[name] = _differences(old, new) if isinstance(old, dict) and isinstance(new, dict) else old
    return found
