"""How connections behave: SQLite pragmas, explicit BEGIN, PostgreSQL timeouts, read-only requests, a column for UTC."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from flask import Flask, g, has_app_context
from sqlalchemy import DateTime, Engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.types import TypeDecorator

from portal import clock, write_lock
from portal.config import Settings
from portal.extensions import db

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    write_lock.PATIENT,
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-16384",
    "PRAGMA mmap_size=268435456",
    "PRAGMA temp_store=2",
)
TRUSTED_FOR = 1.0  # seconds a connection may rest before it is asked whether the server is still there
POSTGRESQL_OPTIONS = "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases. Naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Store UTC."""
        return None if value is None else _in_utc(value)

    def bind_processor(self, dialect: Any) -> Any:
        """SQLite keeps UTC without the zone, written and read in one step: dates are a good part of a list's cost."""
        return _to_sqlite if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """The same, back."""
        return _from_sqlite if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Hand out aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("A time without a zone cannot be stored.")
    return value.astimezone(UTC)


def _to_sqlite(value: datetime | None) -> str | None:
    return None if value is None else _in_utc(value).isoformat(" ", "microseconds").removesuffix("+00:00")


def _from_sqlite(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text + "+00:00") if text else None


def engine_options(settings: Settings) -> dict[str, Any]:
    """Pool and driver options for the configured database."""
    # Errors are logged: without their parameters, which hold digests, addresses and sealed secrets.
    if settings.is_sqlite:
        # The connection that was used last still has the pages in its cache, unless somebody else has written since.
        size: dict[str, Any] = {"pool_size": 10, "max_overflow": 20, "pool_use_lifo": True}
        return {**size, "hide_parameters": True, "connect_args": {"timeout": 10, "check_same_thread": False}}
    size = {"pool_size": 8, "max_overflow": 8}
    return {**size, "hide_parameters": True, "connect_args": {"options": POSTGRESQL_OPTIONS}}


def init_app(app: Flask) -> None:
    """Attach the connection rules to the app's engine."""
    with app.app_context():
        engine = db.engine
        if engine.dialect.name == "sqlite":
            _sqlite_rules(engine)
        else:
            _postgresql_rules(engine)


def insert_into(table: Any) -> Any:
    """An INSERT that knows ON CONFLICT, on the running database."""
    if db.engine.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def wants_read_only() -> bool:
    """Whether the running request must not write (GET and HEAD)."""
    return has_app_context() and bool(g.get("read_only", False))


def begin_reading(engine: Engine) -> PoolProxiedConnection:
    """A connection of the pool for SELECTs only, without SQLAlchemy's transaction around it; closing it ends reading.

    On SQLite it reads in a transaction. On PostgreSQL each statement stands alone: at READ COMMITTED it sees what it
    would see inside a transaction, and asking to begin and to end one was two of a page's five round trips.
    """
    pooled = _taken(engine)
    driver: Any = pooled.dbapi_connection
    try:
        if engine.dialect.name == "sqlite":
            _begin_on_sqlite(pooled, read_only=True)
        else:
            _set_autocommit(driver, True)
    except BaseException:
        pooled.close()
        raise
    return pooled


def execute_alone(engine: Engine, statement: str, values: Any) -> None:
    """One writing statement of the driver as a transaction of its own: stored for good when this returns.

    Nothing else is sent or waited for: no BEGIN, no COMMIT. SQLite takes its write lock for it as BEGIN IMMEDIATE does.
    """
    pooled = _taken(engine)
    driver: Any = pooled.dbapi_connection
    try:
        if engine.dialect.name == "sqlite":
            _set_query_only(pooled, False)
            write_lock.take(driver, statement, values)
        else:
            _set_autocommit(driver, True)
            driver.execute(statement, values)
    except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
        raise OperationalError("write", None, error) from error
    finally:
        pooled.close()


def _taken(engine: Engine) -> PoolProxiedConnection:
    try:
        return engine.raw_connection()
    except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
        raise OperationalError("connect", None, error) from error


def _sqlite_rules(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)
        record.info["query_only"] = False

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        _begin_on_sqlite(connection.connection, wants_read_only())


def _begin_on_sqlite(pooled: PoolProxiedConnection, read_only: bool) -> None:
    # BEGIN IMMEDIATE for whatever may write: a deferred transaction that reads and then writes fails at once
    # when another writer came in between, whatever the time-out (reference: security 6.2).
    driver: Any = pooled.dbapi_connection
    _set_query_only(pooled, read_only)
    statement = "BEGIN" if read_only else "BEGIN IMMEDIATE"
    try:
        driver.execute(statement) if read_only else write_lock.take(driver, statement)
    except sqlite3.OperationalError as error:
        raise OperationalError(statement, None, error) from error


def _set_query_only(pooled: PoolProxiedConnection, wanted: bool) -> None:
    if pooled.info.get("query_only") != wanted:
        driver: Any = pooled.dbapi_connection
        driver.execute(f"PRAGMA query_only={'ON' if wanted else 'OFF'}")
        pooled.info["query_only"] = wanted


def _postgresql_rules(engine: Engine) -> None:
    # SQLAlchemy's own pool_pre_ping asks before every use, which was a sixth of a page's round trips.
    @event.listens_for(engine, "checkin")
    def on_checkin(connection: Any, record: Any) -> None:
        record.info["rests_since"] = clock.monotonic()

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, record: Any, pooled: Any) -> None:
        now = clock.monotonic()
        try:
            if now - record.info.get("rests_since", now) >= TRUSTED_FOR:
                engine.dialect.do_ping(connection)
        except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            raise DisconnectionError from error  # the pool takes another one

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        _begin_on_postgresql(connection.connection, wants_read_only())

    # At ROLLBACK the driver forgets all statements that it has prepared on the server, which then plans each anew.
    end_reading, rollback = engine.dialect.do_commit, engine.dialect.do_rollback

    def do_rollback(connection: Any) -> None:
        if not connection.autocommit:  # else no transaction was begun
            (end_reading if connection.read_only else rollback)(connection)

    engine.dialect.do_rollback = do_rollback  # type: ignore[assignment]


def _begin_on_postgresql(pooled: PoolProxiedConnection, read_only: bool) -> None:
    # The driver begins by itself, with the first statement.
    driver: Any = pooled.dbapi_connection
    _set_autocommit(driver, False)
    if bool(driver.read_only) != read_only:
        driver.read_only = read_only


def _set_autocommit(driver: Any, wanted: bool) -> None:
    # A connection stays in the mode it was used in last: being asked for it, the driver waits for locks of its own.
    if driver.autocommit != wanted:
        driver.autocommit = wanted
