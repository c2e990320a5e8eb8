"""Customers' e-mail addresses at Stripe."""

from __future__ import annotations

from typing import Any

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import NoSuchCustomer, translated


def write_email(connection: Connection, stripe_id: str, email: str) -> None:
    """Set it. Raises NoSuchCustomer."""
    params: Any = {"email": email}
    with translated():
        try:
            connection.client().v1.customers.update(stripe_id, params)
        except Exception as error:
            if getattr(error, "code", None) == "resource_missing":
                raise NoSuchCustomer("", code="resource_missing", param="id") from error
            raise
