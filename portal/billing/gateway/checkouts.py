"""Stripe Checkout: a page to pay on, made, found again, and closed."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from portal.billing.gateway.calls import ask
from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import translated
from portal.billing.gateway.sessions import SessionRead, read_session

MOST = 100


def create_session(connection: Connection, params: dict[str, Any], idempotency_key: str) -> SessionRead:
    """A page to pay on; the same key gives the same page for a day.

    Raises KeyReused for a key that went with other parameters, Stumbled where Stripe failed (which it keeps under the
    key), NoSuchCustomer, Refused, Unreachable, KeyRefused.
    """
    with translated():
        made = connection.client().v1.checkout.sessions.create(params, {"idempotency_key": idempotency_key})  # type: ignore[arg-type]
    return read_session(made.to_dict())


def find_session(connection: Connection, stripe_id: str) -> SessionRead:
    """A checkout as it is now, without what was paid. Raises Refused where Stripe does not know it."""
    with translated():
        return read_session(ask(connection, "get", f"/v1/checkout/sessions/{quote(stripe_id, safe='')}", {}))


def list_sessions_of(connection: Connection, stripe_customer_id: str) -> list[SessionRead]:
    """The customer's latest checkouts, newest first."""
    params = {"customer": stripe_customer_id, "limit": MOST}
    with translated():
        found = connection.client().v1.checkout.sessions.list(params)  # type: ignore[arg-type]
    return [read_session(one.to_dict()) for one in found.data]


def expire_session(connection: Connection, stripe_id: str) -> SessionRead:
    """Close an open checkout, so that nobody can pay it any more. Raises Refused where it is not open."""
    with translated():
        return read_session(connection.client().v1.checkout.sessions.expire(stripe_id).to_dict())
