"""How far the database's tables are: applied and waiting migrations."""

from __future__ import annotations

from flask import current_app

from portal.extensions import db


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


def _scripts():  # type: ignore[no-untyped-def]
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", current_app.extensions["migrate"].directory)
    return ScriptDirectory.from_config(config)
