"""Find customers by id, address, name or company, and page through them by key, however many there are.

Digits find an id, a complete address its customers. Otherwise every word must occur: three letters or more anywhere,
shorter ones at the beginning of a word. The indexes behind this are made by migration 0002.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Row, Select, func, select, text

from portal import email_addresses
from portal.customers.models import Customer
from portal.extensions import db
from portal.vendors.service import HasId

COLUMNS = (
    Customer.id,
    Customer.name,
    Customer.email,
    Customer.company_name,
    Customer.origin,
    Customer.enable_customer_association,
    Customer.created_at,
)
MARK = "\x01\x01"  # stands before each word of the index
MOST_LETTERS, MOST_WORDS = 200, 8
_MATCHES = """
SELECT rowid - :first AS id FROM customer_search
WHERE customer_search MATCH :words AND rowid > :above AND rowid < :below ORDER BY rowid """
_NEWEST, _OLDEST = text(_MATCHES + "DESC LIMIT :most"), text(_MATCHES + "ASC LIMIT :most")


@dataclass(frozen=True)
class Found:
    """One page of customers, newest first. newer and older: whether there is a page on that side."""

    rows: Sequence[Row[Any]]
    newer: bool
    older: bool


def search(
    vendor: HasId, typed: str = "", *, before: int | None = None, after: int | None = None, limit: int = 50
) -> Found:
    """The vendor's customers that match what was typed; all of them for an empty text.

    before, after: ids; the page ends before the one or starts after the other.
    """
    typed = typed.strip()[:MOST_LETTERS]
    if not typed:
        return _page(_everyone(vendor), before, after, limit)
    exact = _exactly(vendor, typed)
    if exact is not None:
        found = _page(exact, before, after, limit)
        if found.rows:
            return found
    return _page(_with_words(vendor, typed, before, after, limit + 1), before, after, limit)


def _everyone(vendor: HasId) -> Select[Any]:
    return select(*COLUMNS).where(Customer.vendor_id == vendor.id)


def _exactly(vendor: HasId, typed: str) -> Select[Any] | None:
    if typed.isascii() and typed.isdigit() and len(typed) <= 10 and int(typed) < 2**31:
        return _everyone(vendor).where(Customer.id == int(typed))
    address = email_addresses.find(typed)
    return _everyone(vendor).where(Customer.email_key == address.key) if address else None


def _page(statement: Select[Any], before: int | None, after: int | None, limit: int) -> Found:
    """The page at a key: one row more than shown tells whether there is another page."""
    if after is not None:
        rows = db.session.execute(
            statement.where(Customer.id > after).order_by(Customer.id.asc()).limit(limit + 1)
        ).all()
        return Found(rows[:limit][::-1], newer=len(rows) > limit, older=True)
    if before is not None:
        statement = statement.where(Customer.id < before)
    rows = db.session.execute(statement.order_by(Customer.id.desc()).limit(limit + 1)).all()
    return Found(rows[:limit], newer=before is not None, older=len(rows) > limit)


def _with_words(vendor: HasId, typed: str, before: int | None, after: int | None, limit: int) -> Select[Any]:
    words = [word if len(word) > 2 else MARK + word for word in typed.split()[:MOST_WORDS]]
    if db.engine.dialect.name == "sqlite":
        return _sqlite(vendor, words, before, after, limit)
    return _postgresql(vendor, words)


def _sqlite(vendor: HasId, words: list[str], before: int | None, after: int | None, limit: int) -> Select[Any]:
    """Numbers from the FTS5 table, whose rowid is vendor_id * 2^32 + id, then the rows behind them."""
    first = vendor.id << 32
    matches = (
        (_OLDEST if after is not None else _NEWEST)
        .bindparams(
            first=first,
            words=" AND ".join('"' + word.replace('"', '""') + '"' for word in words),
            above=first + (after or 0),
            below=first + (before or 2**31),
            most=limit,
        )
        .columns(id=Integer)
        .subquery()
    )
    return _everyone(vendor).join(matches, matches.c.id == Customer.id)


def _postgresql(vendor: HasId, words: list[str]) -> Select[Any]:
    """The GIN index narrows down, the text itself decides.

    Without a plan made for the very words, PostgreSQL walks all customers for a rare word (reference: performance 4).
    """
    db.session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    written = func.customer_words(Customer.name, Customer.company_name, Customer.email)
    statement = _everyone(vendor)
    for word in words:
        wanted = func.lower(word)
        pieces = func.search_pieces(Customer.vendor_id, written).op("@>")(func.search_pieces(vendor.id, wanted))
        statement = statement.where(pieces, func.strpos(written, wanted) > 0)
    return statement
