"""Everything a database holds, to prove that a request changed nothing."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from portal.extensions import db


def contents() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, by table name."""
    db.session.rollback()
    found = {
        table.name: sorted((tuple(row) for row in db.session.execute(select(table))), key=repr)
        for table in db.metadata.sorted_tables
    }
    db.session.rollback()
    return found
