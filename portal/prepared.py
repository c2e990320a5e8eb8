"""The read path of the pages asked for most: a statement compiled once per database, its rows as plain tuples.

SQLAlchemy builds and describes each execution anew, which costs several times what the database needs for these small
statements (docs/performance.md). Everything else stays its own: the SQL it compiles, its types, its connections and
transactions. For reading only, and only where a measurement asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Flask
from sqlalchemy import Dialect, Engine, SelectBase
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.types import TypeEngine

from portal import database
from portal.current import current_g
from portal.extensions import db

Convert = Callable[[Any], Any]


class Prepared:
    """A SELECT with `bindparam`s, kept at module level beside the function that uses it."""

    def __init__(self, statement: SelectBase) -> None:
        self.statement = statement
        self.compiled: dict[str, _Compiled] = {}

    def first(self, **facts: Any) -> tuple[Any, ...] | None:
        """The first row, or None. facts: a value for each `bindparam`."""
        rows = self.all(**facts)
        return rows[0] if rows else None

    def all(self, **facts: Any) -> list[tuple[Any, ...]]:
        """All rows, in the request's transaction."""
        way = _way()
        dialect = way.engine.dialect
        compiled = self.compiled.get(dialect.name)
        if compiled is None:
            compiled = self.compiled[dialect.name] = _Compiled(self.statement, dialect)
        return compiled.run(way, facts)


class _Way(NamedTuple):
    """A connection of the pool with its transaction begun."""

    engine: Engine
    pooled: PoolProxiedConnection


def init_app(app: Flask) -> None:
    """End reading with the request, and with whatever else has a context of its own."""
    app.teardown_request(lambda error: end_reading())
    app.teardown_appcontext(lambda error: end_reading())


def end_reading() -> None:
    """Give back the connection that only prepared statements used in this request, if there is one."""
    reader = current_g().pop("reader", None)
    if reader is not None:
        reader.pooled.close()


def _way() -> _Way:
    """The request's connection for reading; the session's where it has begun or may write.

    Whatever lets a request write ends its reading first (`unit_of_work`), so a reader is never met there.
    """
    here = current_g()
    reader: _Way | None = here.get("reader")
    if reader is not None:
        return reader
    if not here.get("read_only", False) or (db.session.registry.has() and db.session().in_transaction()):
        connection = db.session.connection()
        return _Way(connection.engine, connection.connection)
    engine = db.engine
    reader = here.reader = _Way(engine, database.begin_reading(engine))
    return reader


class _Compiled:
    """A statement for one kind of database. positions: names of the values in order, where the driver wants it so."""

    def __init__(self, statement: SelectBase, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self.fixed = dict(compiled.params)
        self.asked = {name for name, bound in compiled.binds.items() if bound.required}
        self.positions = tuple(compiled.positiontup) if compiled.positional else None
        self.written = [
            (name, convert)
            for name, bound in compiled.binds.items()
            if (convert := _of(bound.type, dialect).bind_processor(dialect))
        ]
        self.read = [
            (place, convert)
            for place, column in enumerate(statement.selected_columns)
            if (convert := _of(column.type, dialect).result_processor(dialect, None))
        ]

    def run(self, way: _Way, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Send it with these values."""
        if facts.keys() != self.asked:
            raise TypeError(f"This statement asks for {sorted(self.asked)}.")
        values = self.fixed | facts
        for name, convert in self.written:
            values[name] = convert(values[name])
        sent: Any = values if self.positions is None else [values[name] for name in self.positions]
        cursor = way.pooled.cursor()
        try:
            for listener in way.engine.dispatch.before_cursor_execute:  # so that tests count it like any other
                listener(way.pooled, cursor, self.sql, sent, None, False)
            cursor.execute(self.sql, sent)
            rows = list(cursor.fetchall())
        except way.engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            raise OperationalError(self.sql, None, error) from error
        finally:
            cursor.close()
        return [self._row(row) for row in rows] if self.read else rows

    def _row(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for place, convert in self.read:
            if values[place] is not None:
                values[place] = convert(values[place])
        return tuple(values)


def _of(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)
