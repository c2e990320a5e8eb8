"""How connections behave: SQLite pragmas, explicit BEGIN, PostgreSQL timeouts, read-only requests, a column for UTC."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from flask import Flask, g, has_app_context
from sqlalchemy import DateTime, Engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeDecorator

from portal import prepared
from portal.config import Settings
from portal.extensions import db

SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=10000",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-16384",
    "PRAGMA mmap_size=268435456",
    "PRAGMA temp_store=2",
)
POSTGRESQL_OPTIONS = "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases. Naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Store UTC; SQLite keeps it without the zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """SQLite's text is read in one step: dates are a good part of what a list costs."""
        return _from_sqlite if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Hand out aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _from_sqlite(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def engine_options(settings: Settings) -> dict[str, Any]:
    """Pool and driver options for the configured database."""
    # Errors are logged: without their parameters, which hold digests, addresses and sealed secrets.
    if settings.is_sqlite:
        size: dict[str, Any] = {"pool_size": 10, "max_overflow": 20}
        return {**size, "hide_parameters": True, "connect_args": {"timeout": 10, "check_same_thread": False}}
    size = {"pool_size": 8, "max_overflow": 8, "pool_pre_ping": True}
    return {**size, "hide_parameters": True, "connect_args": {"options": POSTGRESQL_OPTIONS}}


def init_app(app: Flask) -> None:
    """Attach the connection rules to the app's engine."""
    app.teardown_request(lambda error: prepared.end_reading())
    app.teardown_appcontext(lambda error: prepared.end_reading())
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


def _sqlite_rules(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        for pragma in SQLITE_PRAGMAS:
            connection.execute(pragma)
        record.info["query_only"] = False

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        # BEGIN IMMEDIATE for whatever may write: a deferred transaction that reads and then writes fails at once
        # when another writer came in between, whatever the time-out (reference: security 6.2).
        read_only = wants_read_only()
        cursor = connection.connection.dbapi_connection
        if connection.info.get("query_only") != read_only:
            cursor.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
            connection.info["query_only"] = read_only
        statement = "BEGIN" if read_only else "BEGIN IMMEDIATE"
        try:
            cursor.execute(statement)
        except sqlite3.OperationalError as error:
            raise OperationalError(statement, None, error) from error


def _postgresql_rules(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        driver = connection.connection.dbapi_connection
        read_only = wants_read_only()
        if bool(driver.read_only) != read_only:
            driver.read_only = read_only
