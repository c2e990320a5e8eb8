"""Our webhook endpoint at Stripe: whether it is there, and tells us all we need. What was found is kept with the
vendor's account, so that pages can say it without asking.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from portal import addresses, clock
from portal.billing import gateway
from portal.billing.gateway import endpoints
from portal.billing.gateway.endpoints import EndpointRead
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.fulfillment.reading import Source
from portal.webhooks.event_types import HANDLED

PATH = "/api/subscription/StripeUrl"
OK, MISSING, DISABLED, UNKNOWN = "ok", "missing", "disabled", "unknown"
WRONG_EVENTS, WRONG_VERSION, WRONG_MODE = "wrong_events", "wrong_version", "wrong_mode"
STATES = (OK, MISSING, DISABLED, WRONG_EVENTS, WRONG_VERSION, WRONG_MODE, UNKNOWN)
WANTED = tuple(sorted(HANDLED))
_BEST_FIRST = (OK, WRONG_VERSION, WRONG_EVENTS, WRONG_MODE, DISABLED)


@dataclass(frozen=True)
class EndpointHealth:
    """Our endpoint as it was found. state: one of STATES; unknown where Stripe could not be asked, or never was.

    missing_types: events it is not told of. duplicates: other endpoints with our address. checked_at: None if never.
    ok_since: since when it was found in order each time.
    """

    state: str = UNKNOWN
    url: str = ""
    endpoint_id: str = ""
    missing_types: tuple[str, ...] = ()
    api_version: str = ""
    duplicates: tuple[str, ...] = ()
    checked_at: datetime | None = None
    ok_since: datetime | None = None

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.state == OK


def url_of(vendor_id: int) -> str:
    """The address of a vendor's door, as it is registered at Stripe."""
    return f"{addresses.absolute(PATH)}?id={vendor_id}"


def check_endpoint(source: Source) -> EndpointHealth:
    """Ask Stripe, with no transaction open. Raises nothing: where Stripe does not answer, the state is unknown."""
    try:
        found = endpoints.list_endpoints(source.connection)
    except gateway.GatewayError:
        return EndpointHealth(url=url_of(source.vendor_id), checked_at=clock.now())
    return judge(source.vendor_id, found, livemode=source.connection.livemode)


def judge(vendor_id: int, found: list[EndpointRead], *, livemode: bool, known_id: str = "") -> EndpointHealth:
    """What the account's endpoints mean for this vendor; of several with our address, the best one counts.

    known_id: the one whose secret we have; among equals it is preferred.
    """
    ours = ours_among(vendor_id, found)
    url, now = url_of(vendor_id), clock.now()
    if not ours:
        return EndpointHealth(MISSING, url, checked_at=now)
    best = min(ours, key=lambda one: (_BEST_FIRST.index(_state(one, livemode)), one.id != known_id))
    return EndpointHealth(
        state=_state(best, livemode),
        url=url,
        endpoint_id=best.id,
        missing_types=best.lacks(WANTED),
        api_version=best.api_version,
        duplicates=tuple(one.id for one in ours if one.id != best.id),
        checked_at=now,
    )


def ours_among(vendor_id: int, found: list[EndpointRead]) -> list[EndpointRead]:
    """The endpoints with the address of this vendor's door."""
    wanted = _door(url_of(vendor_id))
    return [one for one in found if _door(one.url) == wanted]


def keep(vendor_id: int, health: EndpointHealth) -> None:
    """Note what was found; the caller commits. An unanswered question does not replace an answer."""
    account = db.session.get(StripeAccount, vendor_id)
    if account is None or (health.state == UNKNOWN and health_of(vendor_id).state != UNKNOWN):
        return
    kept, before = stored(account), health_of(vendor_id)
    ok_since = (before.ok_since or health.checked_at) if health.state == OK else None
    kept["endpoint"] = {
        "state": health.state,
        "endpoint_id": health.endpoint_id,
        "missing_types": list(health.missing_types),
        "api_version": health.api_version,
        "duplicates": list(health.duplicates),
        "checked_at": health.checked_at.isoformat() if health.checked_at else None,
        "ok_since": ok_since.isoformat() if ok_since else None,
    }
    account.health = json.dumps(kept)


def health_of(vendor_id: int) -> EndpointHealth:
    """What was last found out; no call is made."""
    account = db.session.get(StripeAccount, vendor_id)
    kept = stored(account).get("endpoint") if account is not None else None
    if not isinstance(kept, dict):
        return EndpointHealth(url=url_of(vendor_id))
    return EndpointHealth(
        state=str(kept.get("state") or UNKNOWN),
        url=url_of(vendor_id),
        endpoint_id=str(kept.get("endpoint_id") or ""),
        missing_types=tuple(kept.get("missing_types") or ()),
        api_version=str(kept.get("api_version") or ""),
        duplicates=tuple(kept.get("duplicates") or ()),
        checked_at=_time(kept.get("checked_at")),
        ok_since=_time(kept.get("ok_since")),
    )


def _time(kept: Any) -> datetime | None:
    return datetime.fromisoformat(kept) if kept else None


def stored(account: StripeAccount) -> dict[str, Any]:
    """The parts of `StripeAccount.health`: `endpoint`, and what other checks keep beside it."""
    try:
        found = json.loads(account.health or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _state(endpoint: EndpointRead, livemode: bool) -> str:
    if endpoint.livemode is not None and endpoint.livemode != livemode:
        return WRONG_MODE
    if not endpoint.is_enabled:
        return DISABLED
    if endpoint.lacks(WANTED):
        return WRONG_EVENTS
    return OK if endpoint.api_version == gateway.STRIPE_API_VERSION else WRONG_VERSION


def _door(url: str) -> tuple[str, str, str]:
    """What two addresses of one door have in common."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.lower()
    except ValueError:
        return ("", "", url)
    return host, parts.path.rstrip("/").lower(), dict(parse_qsl(parts.query)).get("id", "")
