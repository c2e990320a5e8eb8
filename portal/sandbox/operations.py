"""The table of API operations: method and path, the parameters each accepts, and the function that does it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from portal.sandbox.errors import missing
from portal.sandbox.expansion import list_object, present
from portal.sandbox.ledger import Document, Ledger, page_of
from portal.sandbox.params import EXPAND, PAGE, Reader


@dataclass(frozen=True)
class Call:
    """One request that was let in: typed parameters, ids from the path, the account's books."""

    ledger: Ledger
    params: Mapping[str, Any]
    ids: Mapping[str, str]
    path: str
    version: str


@dataclass(frozen=True, eq=False)
class Operation:
    """What answers one method and path."""

    method: str
    path: str
    fields: dict[str, Reader]
    required: tuple[str, ...]
    run: Callable[[Call], Document]


TABLE: list[Operation] = []


def operation(method: str, path: str, fields: dict[str, Reader] | None = None, required: tuple[str, ...] = ()) -> Any:
    """Register a function as the answer to this method and path. `expand` is accepted everywhere."""

    def register(run: Callable[[Call], Document]) -> Callable[[Call], Document]:
        TABLE.append(Operation(method, path, EXPAND | (fields or {}), required, run))
        return run

    return register


class Router:
    """Finds the operation for a request."""

    def __init__(self) -> None:
        self._map = Map(
            [Rule(entry.path, methods=[entry.method], endpoint=entry) for entry in TABLE], merge_slashes=False
        )

    def match(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation and the ids of the path, or None."""
        try:
            endpoint, ids = self._map.bind("api").match(path, method=method)
        except HTTPException:
            return None
        return endpoint, dict(ids)


LIST_FIELDS = PAGE


def answer_list(
    call: Call,
    kind: str,
    *,
    equal: dict[str, Any] | None = None,
    among: dict[str, list[Any]] | None = None,
    limits: dict[str, dict[str, int]] | None = None,
    where: Sequence[tuple[str, Sequence[Any]]] = (),
) -> Document:
    """A page of objects as Stripe lists them."""
    page = page_of(dict(call.params))
    found, has_more = call.ledger.page(kind, page, equal=equal, among=among, limits=limits, where=where)
    return list_object([present(call.ledger, entry) for entry in found], call.path, has_more=has_more)


def answer_part(call: Call, parts: list[Document]) -> Document:
    """A page of what belongs to one object, in its own order."""
    page, start, stop = page_of(dict(call.params)), 0, len(parts)
    if page.starting_after is not None:
        start = _place(parts, page.starting_after, "starting_after") + 1
    if page.ending_before is not None:
        stop = _place(parts, page.ending_before, "ending_before")
    wanted = parts[start:stop]
    shown = wanted[: page.limit] if page.ending_before is None else wanted[-page.limit :]
    return list_object(shown, call.path, has_more=len(shown) < len(wanted))


def _place(parts: list[Document], name: str, param: str) -> int:
    found = [part["id"] for part in parts]
    if name not in found:
        raise missing("line_item", name, param=param)
    return found.index(name)
