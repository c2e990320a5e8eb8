"""One account's objects inside one transaction."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from portal.sandbox import ids
from portal.sandbox.errors import StripeError, missing

Document = dict[str, Any]
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def nobody(ledger: "Ledger", document: Document) -> None:
    """Watches nothing."""


def _dump(document: Document) -> str:
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None


@dataclass(frozen=True)
class Ledger:
    """Finds and keeps the objects of one account.

    now: Unix seconds at which all of this happens. watch: told of every object just before it changes.
    """

    connection: sqlite3.Connection
    account: str
    now: int
    public_url: str
    watch: Callable[["Ledger", Document], None] = nobody

    def at(self, now: int) -> "Ledger":
        """The same books at another time."""
        return replace(self, now=now)

    def add(self, kind: str, document: Document, due_at: int | None = None) -> Document:
        """Keep a new object. Gives it `id`, `object` and, unless set, `created`."""
        document = {"id": ids.new_id(kind), "object": kind, "created": self.now} | document
        self.watch(self, document)
        self.connection.execute(
            "INSERT INTO objects (account, kind, id, created, due_at, body) VALUES (?, ?, ?, ?, ?, ?)",
            (self.account, kind, document["id"], document["created"], due_at, _dump(document)),
        )
        return document

    def save(self, document: Document, due_at: int | None = None) -> Document:
        """Keep a changed object. due_at: when time itself changes it next."""
        self.watch(self, document)
        self.connection.execute(
            "UPDATE objects SET body = ?, due_at = ? WHERE account = ? AND kind = ? AND id = ?",
            (_dump(document), due_at, self.account, document["object"], document["id"]),
        )
        return document

    def remove(self, document: Document) -> None:
        """Forget an object."""
        self.watch(self, document)
        self.connection.execute(
            "DELETE FROM objects WHERE account = ? AND kind = ? AND id = ?",
            (self.account, document["object"], document["id"]),
        )

    def find(self, kind: str, id_: str) -> Document | None:
        """The object, also as a deleted one, or None."""
        row = self.connection.execute(
            "SELECT body FROM objects WHERE account = ? AND kind = ? AND id = ?",
            (self.account, kind, id_.encode("utf-8", "replace").decode()),
        ).fetchone()
        return json.loads(row["body"]) if row else None

    def get(self, kind: str, id_: str | None, param: str, *, in_path: bool = False) -> Document:
        """The living object, or Stripe's "No such …". param: the parameter that named it."""
        found = self.find(kind, id_ or "")
        if found is None or found.get("deleted"):
            raise missing(kind, id_ or "", param=param, in_path=in_path)
        return found

    def all(self, kind: str, **equal: Any) -> list[Document]:
        """Every living object with these values, newest first."""
        found, _ = self.page(kind, Page(limit=10**9), equal=equal)
        return found

    def page(
        self,
        kind: str,
        page: Page,
        *,
        equal: dict[str, Any] | None = None,
        among: dict[str, list[Any]] | None = None,
        limits: dict[str, dict[str, int]] | None = None,
        where: Sequence[tuple[str, Sequence[Any]]] = (),
    ) -> tuple[list[Document], bool]:
        """Part of a list, newest first, and whether there is more.

        equal, among, limits: conditions on the documents' fields, named by JSON path without `$.`. where: further SQL
        conditions, each with its values.
        """
        clauses, values = self._conditions(kind, equal or {}, among or {}, limits or {}, where)
        backward = page.ending_before is not None
        for cursor, sign in ((page.starting_after, "<"), (page.ending_before, ">")):
            if cursor is not None:
                clauses.append(f"position {sign} ?")
                values.append(self._position(kind, cursor, "ending_before" if backward else "starting_after"))
        rows = self.connection.execute(
            f"SELECT body FROM objects WHERE {' AND '.join(clauses)} "  # noqa: S608 (field names are our own)
            f"ORDER BY position {'ASC' if backward else 'DESC'} LIMIT ?",
            (*values, page.limit + 1),
        ).fetchall()
        found = [json.loads(row["body"]) for row in rows[: page.limit]]
        return (found[::-1] if backward else found), len(rows) > page.limit

    def _conditions(
        self,
        kind: str,
        equal: dict[str, Any],
        among: dict[str, list[Any]],
        limits: dict[str, dict[str, int]],
        where: Sequence[tuple[str, Sequence[Any]]],
    ) -> tuple[list[str], list[Any]]:
        # The kind stands in the query itself, so that indexes of one kind are used; it is never a caller's text.
        clauses = ["account = ?", f"kind = '{kind}'", "json_extract(body, '$.deleted') IS NULL"]
        values: list[Any] = [self.account]
        for condition, bound_values in where:
            clauses.append(condition)
            values += bound_values
        for field, value in equal.items():
            clauses.append(f"json_extract(body, '$.{field}') IS ?")
            values.append(value)
        for field, several in among.items():
            clauses.append(f"json_extract(body, '$.{field}') IN ({', '.join('?' * len(several))})")
            values += several
        for field, bounds in limits.items():
            for name, bound in bounds.items():
                clauses.append(f"json_extract(body, '$.{field}') {COMPARISONS[name]} ?")
                values.append(bound)
        return clauses, values

    def _position(self, kind: str, id_: str, param: str) -> int:
        row = self.connection.execute(
            "SELECT position FROM objects WHERE account = ? AND kind = ? AND id = ?", (self.account, kind, id_)
        ).fetchone()
        if row is None:
            raise missing(kind, id_, param=param)
        return int(row["position"])


def page_of(params: dict[str, Any]) -> Page:
    """The page that list parameters ask for."""
    if "starting_after" in params and "ending_before" in params:
        raise StripeError(
            "You may only specify one of these parameters: starting_after, ending_before.", param="ending_before"
        )
    return Page(params.get("limit", 10), params.get("starting_after"), params.get("ending_before"))
