"""What we write on customers at Stripe: who they are to us, and where they are mailed to."""

from __future__ import annotations

from typing import Any

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import NoSuchCustomer, translated


def write_customer_metadata(connection: Connection, stripe_id: str, metadata: dict[str, str]) -> None:
    """Set keys of a customer's metadata; an empty text removes a key. Raises NoSuchCustomer."""
    _write(connection, stripe_id, {"metadata": metadata})


def write_email(connection: Connection, stripe_id: str, email: str) -> None:
    """Set a customer's e-mail address. Raises NoSuchCustomer."""
    _write(connection, stripe_id, {"email": email})


def _write(connection: Connection, stripe_id: str, params: Any) -> None:
    with translated():
        try:
            connection.client().v1.customers.update(stripe_id, params)
        except Exception as error:
            if getattr(error, "code", None) == "resource_missing":
                raise NoSuchCustomer("", code="resource_missing", param="id") from error
            raise
