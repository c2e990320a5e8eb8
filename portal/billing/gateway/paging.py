"""Everything that was ever sold, one page at a time, so that a sweep can be killed and go on where it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import translated
from portal.billing.gateway.money import read_invoice
from portal.billing.gateway.sessions import read_session
from portal.billing.gateway.values import identifier

PAGE = 100


@dataclass(frozen=True)
class Page:
    """Ids of what was sold. ended: those that are over for good. after: where the next page begins, or empty."""

    ids: tuple[str, ...]
    ended: frozenset[str]
    after: str


def page_of_subscriptions(connection: Connection, after: str) -> Page:
    """Subscriptions of any state, newest first."""
    found, following = _page(connection.client().v1.subscriptions.list, {"status": "all"}, after)
    ended = frozenset(one["id"] for one in found if one.get("ended_at"))
    return Page(tuple(one["id"] for one in found), ended, following)


def page_of_sessions(connection: Connection, since: int, after: str) -> Page:
    """Completed checkouts of payments that happen once, made since then (unix seconds), newest first."""
    params = {"status": "complete", "created": {"gte": since}}
    found, following = _page(connection.client().v1.checkout.sessions.list, params, after)
    sold = [read_session(one) for one in found]
    return Page(tuple(one.id for one in sold if one.mode == "payment"), frozenset(), following)


def page_of_invoices(connection: Connection, since: int, after: str) -> Page:
    """Paid invoices that sell something once, made since then (unix seconds), newest first."""
    params = {"status": "paid", "created": {"gte": since}}
    found, following = _page(connection.client().v1.invoices.list, params, after)
    read = (read_invoice(one) for one in found)
    once = tuple(one.id for one in read if one.sells_once or not one.subscription_id)
    return Page(once, frozenset(), following)


def _page(fetch: Any, params: dict[str, Any], after: str) -> tuple[list[dict[str, Any]], str]:
    start = {"starting_after": after} if after else {}
    with translated():
        page = fetch({**params, **start, "limit": PAGE})
    found = [one.to_dict() for one in page.data]
    return found, identifier(found[-1]) if found and page.has_more else ""
