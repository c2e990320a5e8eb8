"""`latchkey db`: migrations."""

from __future__ import annotations

from typing import Any

import click

from portal.cli import running


@click.group()
def db() -> None:
    """Migrations: upgrade, status."""


@db.command()
@running.as_json_option
def status(as_json: bool) -> None:
    """Say how far the database's tables are."""
    with running.portal_app(migrated=False):
        running.show(_facts(), as_json)


@db.command()
@running.as_json_option
def upgrade(as_json: bool) -> None:
    """Apply the migrations that wait; does nothing if there are none."""
    from portal import schema

    with running.portal_app(migrated=False):
        waiting = _facts()["pending"]
        if waiting:
            schema.upgrade()
        running.show({**_facts(), "applied": waiting}, as_json)


def _facts() -> dict[str, Any]:
    from portal import schema

    return {"current": schema.current(), "head": schema.head(), "pending": schema.pending()}
