"""Idempotency keys: the first result is kept for a day and given again to whoever repeats the request."""

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from portal.sandbox.errors import StripeError
from portal.sandbox.store import Store

KEPT_SECONDS = 24 * 3600
LONGEST = 255
ABANDONED_SECONDS = 60


@dataclass(frozen=True)
class Kept:
    """An earlier result."""

    status: int
    body: str
    request_id: str


def fingerprint(method: str, path: str, params: dict[str, Any]) -> str:
    """What must be equal for two requests to be the same."""
    text = json.dumps([method, path, params], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def claim(store: Store, account: str, key: str, mark: str, request_id: str, now: int) -> Kept | None:
    """Reserve the key for this request, or return the result it already has.

    Raises StripeError when the key belongs to other parameters (400) or to a request still running (409).
    """
    if len(key) > LONGEST:
        raise StripeError(f"Idempotency key too long: at most {LONGEST} characters.", early=True)
    with store.transaction() as connection:
        connection.execute("DELETE FROM idempotent_requests WHERE created < ?", (now - KEPT_SECONDS,))
        row = connection.execute(
            "SELECT * FROM idempotent_requests WHERE account = ? AND key = ?", (account, key)
        ).fetchone()
        if row is not None and row["status"] is None and row["created"] < now - ABANDONED_SECONDS:
            _delete(connection, account, key)
            row = None
        if row is None:
            connection.execute(
                "INSERT INTO idempotent_requests (account, key, fingerprint, request_id, created) "
                "VALUES (?, ?, ?, ?, ?)",
                (account, key, mark, request_id, now),
            )
            return None
    if row["fingerprint"] != mark:
        raise StripeError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
            early=True,
        )
    if row["status"] is None:
        raise StripeError(
            "There is currently another in-progress request using this idempotent key (that probably means you "
            f"submitted twice, and the other request is still going through): {key}.",
            status=409,
            code="idempotency_key_in_use",
            early=True,
        )
    return Kept(row["status"], row["body"], row["request_id"])


def keep(connection: sqlite3.Connection, account: str, key: str, status: int, body: str) -> None:
    """Store the result, in the transaction that made it."""
    connection.execute(
        "UPDATE idempotent_requests SET status = ?, body = ? WHERE account = ? AND key = ?",
        (status, body, account, key),
    )


def release(store: Store, account: str, key: str) -> None:
    """Give the key back: the request failed before it began."""
    with store.transaction() as connection:
        _delete(connection, account, key)


def _delete(connection: sqlite3.Connection, account: str, key: str) -> None:
    connection.execute("DELETE FROM idempotent_requests WHERE account = ? AND key = ?", (account, key))
