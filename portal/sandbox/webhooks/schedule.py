"""The deliveries that are planned, under way, done and given up."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from portal.sandbox.ledger import Document, Ledger

# Gaps between tries. Stripe retries for three days with growing gaps and publishes no exact table.
GAPS_MINUTES = (5, 30, 120, 300, 600, 600, 720, 720, 720, 720)
LEASE_SECONDS = 60


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one endpoint. twist: what an accident does to it (see `accidents.twists`)."""

    id: int
    account: str
    event: str
    endpoint: str
    attempts: int
    twist: dict[str, Any]


def plan(ledger: Ledger, event: Document) -> None:
    """Plan a delivery to every enabled endpoint that wants this type."""
    from portal.sandbox.accidents import twists

    for endpoint in ledger.all("webhook_endpoint", status="enabled"):
        if {"*", event["type"]} & set(endpoint["enabled_events"]):
            twists.add_delivery(ledger, event, endpoint["id"])


def add(
    ledger: Ledger,
    event: str,
    endpoint: str,
    *,
    state: str = "pending",
    due_at: int | None = None,
    twist: dict[str, Any] | None = None,
) -> int:
    """Plan one delivery, due now unless told otherwise."""
    made = ledger.connection.execute(
        "INSERT INTO deliveries (account, event, endpoint, created, due_at, state, twist) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            ledger.account,
            event,
            endpoint,
            ledger.now,
            ledger.now if due_at is None else due_at,
            state,
            json.dumps(twist or {}),
        ),
    )
    return int(made.lastrowid or 0)


def claim(connection: sqlite3.Connection, now: int, limit: int) -> list[Delivery]:
    """Take due deliveries for sending. One that is never reported back comes due again after a minute."""
    rows = connection.execute(
        "SELECT * FROM deliveries WHERE state = 'pending' AND due_at <= ? ORDER BY due_at, rank, id LIMIT ?",
        (now, limit),
    ).fetchall()
    for row in rows:
        connection.execute("UPDATE deliveries SET due_at = ? WHERE id = ?", (now + LEASE_SECONDS, row["id"]))
    return [
        Delivery(row["id"], row["account"], row["event"], row["endpoint"], row["attempts"], json.loads(row["twist"]))
        for row in rows
    ]


def report(connection: sqlite3.Connection, delivery: Delivery, now: int, answer: str, *, delivered: bool) -> None:
    """Note how a try ended: done, to be tried again, or given up. answer: status or error, in words."""
    tried = delivery.attempts + 1
    if delivered:
        state, due_at = "delivered", None
    elif delivery.attempts < len(GAPS_MINUTES):
        state, due_at = "pending", now + 60 * GAPS_MINUTES[delivery.attempts]
    else:
        state, due_at = "failed", None
    connection.execute(
        "UPDATE deliveries SET state = ?, due_at = ?, attempts = ?, tried_at = ?, answer = ?, rank = 0, twist = '{}' "
        "WHERE id = ?",
        (state, due_at, tried, now, answer[:300], delivery.id),
    )


def give_up(connection: sqlite3.Connection, delivery: Delivery, now: int, answer: str) -> None:
    """Never try again: the endpoint is disabled or gone."""
    connection.execute(
        "UPDATE deliveries SET state = 'failed', due_at = NULL, tried_at = ?, answer = ? WHERE id = ?",
        (now, answer, delivery.id),
    )
