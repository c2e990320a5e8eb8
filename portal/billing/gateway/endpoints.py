"""Webhook endpoints: where Stripe sends events. Their secret is in the answer that makes them, and in no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.billing.gateway.connection import STRIPE_API_VERSION, Connection
from portal.billing.gateway.errors import Refused, translated
from portal.billing.gateway.values import identifier, moment

MOST = 100  # Stripe allows sixteen per account and mode


@dataclass(frozen=True)
class EndpointRead:
    """A webhook endpoint. status: enabled or disabled. events: `*` stands for all. api_version: empty for the account's
    default. created_at: nothing older is delivered there. secret: only of one that was just made.
    """

    id: str
    url: str
    status: str
    livemode: bool | None
    api_version: str
    events: tuple[str, ...]
    created_at: datetime | None = None
    secret: str = field(default="", repr=False)

    @property
    def is_enabled(self) -> bool:
        """Whether Stripe sends anything there; an unknown state counts as sending."""
        return self.status != "disabled"

    def lacks(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The types among these that it is not told of."""
        return () if "*" in self.events else tuple(kind for kind in wanted if kind not in self.events)


def list_endpoints(connection: Connection) -> list[EndpointRead]:
    """All endpoints of the account in the key's mode, newest first."""
    with translated():
        found = connection.client().v1.webhook_endpoints.list({"limit": MOST})
    return [read_endpoint(one.to_dict()) for one in found.data]


def create_endpoint(connection: Connection, url: str, events: Sequence[str], idempotency_key: str) -> EndpointRead:
    """A new endpoint in our API version, with its secret; the same key answers the same one again for a day."""
    params = {
        "url": url,
        "enabled_events": list(events),
        "api_version": STRIPE_API_VERSION,
        "description": "Latchkey: payments become license keys",
    }
    with translated():
        made = connection.client().v1.webhook_endpoints.create(params, {"idempotency_key": idempotency_key})  # type: ignore[arg-type]
    return read_endpoint(made.to_dict())


def update_endpoint(
    connection: Connection, endpoint_id: str, *, events: Sequence[str] | None = None, enable: bool = False
) -> EndpointRead:
    """Say which events, or switch it on again. Its API version never changes."""
    params: dict[str, Any] = {"enabled_events": list(events)} if events is not None else {}
    params |= {"disabled": False} if enable else {}
    with translated():
        found = connection.client().v1.webhook_endpoints.update(endpoint_id, params)  # type: ignore[arg-type]
    return read_endpoint(found.to_dict())


def delete_endpoint(connection: Connection, endpoint_id: str) -> None:
    """Nothing is sent there any more; one that is gone already is fine."""
    try:
        with translated():
            connection.client().v1.webhook_endpoints.delete(endpoint_id)
    except Refused as error:
        if error.code != "resource_missing":
            raise


def read_endpoint(found: Mapping[str, Any]) -> EndpointRead:
    """An endpoint out of Stripe's document."""
    livemode = found.get("livemode")
    return EndpointRead(
        id=identifier(found),
        url=str(found.get("url") or ""),
        status=str(found.get("status") or ""),
        livemode=livemode if isinstance(livemode, bool) else None,
        api_version=str(found.get("api_version") or ""),
        events=tuple(str(kind) for kind in found.get("enabled_events") or ()),
        created_at=moment(found.get("created")),
        secret=str(found.get("secret") or ""),
    )
