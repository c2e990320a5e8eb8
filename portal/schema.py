"""How far the database's tables are: applied and waiting migrations. Alembic is loaded only here, where it is used."""

from __future__ import annotations

from flask import current_app

from portal import ROOT
from portal.extensions import db

FOLDER = str(ROOT / "portal" / "migrations")


def current() -> str | None:
    """The newest migration the database has, or None for an empty one."""
    from alembic.migration import MigrationContext

    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The newest migration of this release."""
    return _scripts().get_current_head()


def pending() -> list[str]:
    """Migrations still to apply, oldest first."""
    applied = current()
    if applied == head():
        return []
    waiting = []
    for script in _scripts().walk_revisions():
        if script.revision == applied:
            break
        waiting.append(script.revision)
    return waiting[::-1]


def upgrade() -> None:
    """Apply what waits."""
    import flask_migrate

    bind()
    flask_migrate.upgrade()


def bind() -> None:
    """Give the running app what Flask-Migrate's own functions ask for, such as `flask_migrate.revision`."""
    from flask import Flask
    from flask_migrate import Migrate

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    Migrate(app, db, directory=FOLDER, compare_type=True, render_as_batch=True)


def _scripts():  # type: ignore[no-untyped-def]
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", FOLDER)
    return ScriptDirectory.from_config(config)
