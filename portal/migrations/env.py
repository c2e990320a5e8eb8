"""How Alembic runs: on the app's own engine, one transaction per migration, batch mode on SQLite."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app

from portal.database import UtcDateTime


def render_type(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write our time column as the plain type, so that migrations import nothing of the app."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def belongs_to_models(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:
    """Leave out what a hand-written migration made: search indexes that no model describes."""
    return not (reflected and name and name.startswith(("customer_search", "ix_customers_search")))


def run() -> None:
    """Run the wanted migrations on the app's database."""
    db = current_app.extensions["migrate"].db
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_item=render_type,
            include_object=belongs_to_models,
            render_as_batch=True,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
