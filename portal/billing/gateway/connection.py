"""How Stripe is reached: one client per key, explicit time limits, a pinned API version."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import stripe
    from requests import Session

STRIPE_API_VERSION = "2026-05-27.dahlia"
CONNECT_SECONDS = 3.05
READ_SECONDS = 10.0
RETRIES = 2
_KEY = re.compile(r"(?:sk|rk)_(?:test|live)_[A-Za-z0-9_]{3,240}", re.ASCII)


def is_stripe_key(text: str) -> bool:
    """Whether a text has the shape of a secret or restricted key."""
    return _KEY.fullmatch(text) is not None


def is_live_key(key: str) -> bool:
    """Whether a key moves real money."""
    return key[3:].startswith("live_")


@dataclass(frozen=True)
class Connection:
    """A vendor's way to Stripe.

    api_base: another origin that plays Stripe, for tests and the sandbox; refused for a live key. read_seconds: how
    long an answer may take. retries: how often a failed call is repeated under the same idempotency key.
    """

    api_key: str = field(repr=False)
    api_base: str | None = None
    read_seconds: float = READ_SECONDS
    retries: int = RETRIES

    def __post_init__(self) -> None:
        if self.api_base and self.livemode:
            raise ValueError("A live key is never sent to another address than Stripe's.")

    @property
    def livemode(self) -> bool:
        """Whether this key moves real money."""
        return is_live_key(self.api_key)

    def client(self) -> stripe.StripeClient:
        """Stripe's client for this connection."""
        return _client(self)


@lru_cache(maxsize=256)
def _client(connection: Connection) -> stripe.StripeClient:
    import stripe

    stripe.enable_telemetry = False
    base = connection.api_base or stripe.DEFAULT_API_BASE
    limits = (min(CONNECT_SECONDS, connection.read_seconds), connection.read_seconds)
    return stripe.StripeClient(
        connection.api_key,
        stripe_version=STRIPE_API_VERSION,
        http_client=stripe.RequestsClient(timeout=limits, session=_session(base)),
        max_network_retries=connection.retries,
        base_addresses={"api": base},
    )


def _session(base: str) -> Session:
    """Connections to one address. The environment's proxies are looked up here, and not again for each call."""
    import requests

    session = requests.Session()
    session.proxies.update(session.merge_environment_settings(base, {}, None, None, None)["proxies"])
    session.trust_env = False
    return session
