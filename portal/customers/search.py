"""Find customers by id, address, name or company, and page through them by key, however many there are.

Digits find an id, a complete address its customers. Otherwise every word must occur: three letters or more anywhere,
shorter ones at the beginning of a word. The indexes behind this are made by migration 0002.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
NEARBY = 2000
LAST = 2**32 - 1
_MATCHES = """
SELECT :last - rowid AS id FROM customer_search
WHERE customer_search MATCH :words AND rowid > :above AND rowid < :below ORDER BY rowid """
_NEWEST, _OLDEST = text(_MATCHES + "ASC LIMIT :most"), text(_MATCHES + "DESC LIMIT :most")
_INDEX_NEW = text("""
INSERT INTO customer_search(rowid, words)
SELECT :last - id, char(1,1) || replace(name || ' ' || company_name || ' ' || email, ' ', char(1,1))
FROM customers WHERE vendor_id = :vendor_id AND id > :known ORDER BY id DESC""")


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
    words = [word if len(word) > 2 else MARK + word for word in typed.split()[:MOST_WORDS]]
    if db.engine.dialect.name == "sqlite":
        return _page(_sqlite(vendor, words, before, after, limit + 1), before, after, limit)
    nearby = _page(_nearby(vendor, words, before, after), before, after, limit)
    if nearby.newer if after is not None else nearby.older:
        return nearby
    return _page(_postgresql(vendor, words), before, after, limit)


@contextmanager
def bulk_loading(vendor: HasId) -> Iterator[None]:
    """Index the customers that the block inserts for this vendor in one go: four times quicker on SQLite.

    For seeding and imports that only insert, with rising ids. The caller commits afterwards, never inside the block.
    """
    if db.engine.dialect.name != "sqlite":
        yield
        return
    trigger = "customer_search_insert"
    made_by = db.session.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": trigger})
    known = db.session.scalar(select(func.max(Customer.id)).where(Customer.vendor_id == vendor.id)) or 0
    db.session.execute(text(f"DROP TRIGGER {trigger}"))
    yield
    facts = {"last": (vendor.id << 32) + LAST, "vendor_id": vendor.id, "known": known}
    db.session.execute(_INDEX_NEW, facts)
    db.session.connection().exec_driver_sql(made_by)


def _everyone(vendor: HasId) -> Select[Any]:
    return Select[Any](*COLUMNS).where(Customer.vendor_id == vendor.id)


def _exactly(vendor: HasId, typed: str) -> Select[Any] | None:
    if typed.isascii() and typed.isdigit() and len(typed) <= 10 and int(typed) < 2**31:
        return _everyone(vendor).where(Customer.id == int(typed))
    address = email_addresses.find(typed)
    return _everyone(vendor).where(Customer.id.in_(_with_address(vendor, address.key))) if address else None


def _with_address(vendor: HasId, email_key: str) -> Select[Any]:
    """Numbers by the address's own index; SQLite would walk all customers for the order of the page instead."""
    return select(Customer.id).where(Customer.vendor_id == vendor.id, Customer.email_key == email_key)


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


def _sqlite(vendor: HasId, words: list[str], before: int | None, after: int | None, limit: int) -> Select[Any]:
    """Numbers from the FTS5 table, whose rowid is vendor_id * 2^32 + (2^32 - 1 - id), then the rows behind them."""
    last = (vendor.id << 32) + LAST
    matches = (
        (_OLDEST if after is not None else _NEWEST)
        .bindparams(
            last=last,
            words=" AND ".join('"' + word.replace('"', '""') + '"' for word in words),
            above=last - (before or LAST),
            below=last - (after or 0),
            most=limit,
        )
        .columns(id=Integer)
        .subquery()
    )
    return _everyone(vendor).join(matches, matches.c.id == Customer.id)


_written = func.customer_words(Customer.name, Customer.company_name, Customer.email)


def _nearby(vendor: HasId, words: list[str], before: int | None, after: int | None) -> Select[Any]:
    """What matches among the few thousand customers beside the page: enough for a common word on PostgreSQL.

    Its planner takes the letters of a word for independent, and so would fetch and sort every match of a common one.
    """
    statement = _everyone(vendor).where(*(func.strpos(_written, func.lower(word)) > 0 for word in words))
    if after is not None:
        return statement.where(Customer.id <= after + NEARBY)
    top = before or db.session.scalar(select(func.max(Customer.id)).where(Customer.vendor_id == vendor.id)) or 0
    return statement.where(Customer.id > top - NEARBY)


def _postgresql(vendor: HasId, words: list[str]) -> Select[Any]:
    """The GIN index narrows down, the text itself decides.

    Without a plan made for the very words, PostgreSQL walks all customers for a rare word (reference: performance 4).
    """
    db.session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    statement = _everyone(vendor)
    for word in words:
        wanted = func.lower(word)
        pieces = func.search_pieces(Customer.vendor_id, _written).op("@>")(func.search_pieces(vendor.id, wanted))
        statement = statement.where(pieces, func.strpos(_written, wanted) > 0)
    return statement
