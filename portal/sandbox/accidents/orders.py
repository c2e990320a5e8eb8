"""Ordered accidents: kept until they have struck as often as asked."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Facts = dict[str, Any]
EVERYBODY = "*"


@dataclass(frozen=True)
class Accident:
    """One stroke. left: how often the same order strikes again."""

    kind: str
    facts: Facts
    left: int


def order(connection: sqlite3.Connection, account: str, kind: str, times: int, facts: Facts, now: int) -> int:
    """Order an accident. account: whose calls or deliveries; `*` for everybody's."""
    made = connection.execute(
        "INSERT INTO accidents (account, kind, times, facts, created) VALUES (?, ?, ?, ?, ?)",
        (account, kind, times, json.dumps(facts), now),
    )
    return int(made.lastrowid or 0)


def strike(
    connection: sqlite3.Connection,
    account: str,
    kinds: Iterable[str],
    is_meant: Callable[[Facts], bool],
    about: Facts,
    now: int,
) -> Accident | None:
    """The oldest order of these kinds that means this occasion, used up by one. about: what is noted of it."""
    rows = connection.execute(
        "SELECT * FROM accidents WHERE account IN (?, ?) AND times > 0 ORDER BY id", (account, EVERYBODY)
    ).fetchall()
    wanted = set(kinds)
    for row in rows:
        facts = json.loads(row["facts"])
        if row["kind"] in wanted and is_meant(facts):
            connection.execute("UPDATE accidents SET times = times - 1 WHERE id = ?", (row["id"],))
            note(connection, account, row["kind"], about, now)
            return Accident(row["kind"], facts, row["times"] - 1)
    return None


def waiting(connection: sqlite3.Connection) -> list[Facts]:
    """Orders that have not struck often enough yet, oldest first."""
    rows = connection.execute("SELECT * FROM accidents WHERE times > 0 ORDER BY id").fetchall()
    return [
        {"id": row["id"], "account": row["account"], "kind": row["kind"], "times": row["times"]}
        | json.loads(row["facts"])
        for row in rows
    ]


def forget(connection: sqlite3.Connection) -> None:
    """Take back every order."""
    connection.execute("DELETE FROM accidents")


def note(connection: sqlite3.Connection, account: str, kind: str, about: Facts, now: int) -> None:
    """Write down what happened."""
    connection.execute(
        "INSERT INTO happenings (account, kind, facts, created) VALUES (?, ?, ?, ?)",
        (account, kind, json.dumps(about), now),
    )


def happened(connection: sqlite3.Connection, limit: int = 100) -> list[Facts]:
    """What happened, newest first."""
    rows = connection.execute("SELECT * FROM happenings ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
    return [
        {"at": row["created"], "account": row["account"], "kind": row["kind"]} | json.loads(row["facts"])
        for row in rows
    ]
