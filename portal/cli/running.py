"""What every command shares: an app with a migrated database, who acts, facts as JSON, one clear line on failure."""

from __future__ import annotations

import functools
import getpass
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from flask import Flask

    from portal.vendors.models import Vendor

Command = TypeVar("Command", bound=Callable[..., Any])
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the facts as one JSON object.")


@contextmanager
def portal_app(*, migrated: bool = True) -> Iterator[Flask]:
    """An app context in which the command acts.

    migrated: refuse to run while migrations wait. Expected refusals end the command with one line and status 1.
    """
    from flask import g
    from sqlalchemy.exc import OperationalError

    from portal import create_app, schema
    from portal.audit.service import Actor
    from portal.errors import PortalError
    from portal.extensions import db

    app = create_app()
    with app.app_context():
        g.actor = Actor("command", None, operator())
        try:
            if migrated and schema.pending():
                raise click.ClickException("The database is not up to date. Run: latchkey db upgrade")
            yield app
        except PortalError as error:
            db.session.rollback()
            raise click.ClickException(error.message or "This is not possible.") from error
        except OperationalError as error:
            raise click.ClickException(f"The database does not answer: {first_line(error.orig)}") from error
        finally:
            db.session.remove()
            db.engine.dispose()


def in_app(command: Command) -> Command:
    """Run a command's body in `portal_app()`. Stands below the click decorators."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        with portal_app():
            return command(*args, **options)

    return run  # type: ignore[return-value]


def first_line(error: object) -> str:
    """What an error says, without the lines that follow."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def operator() -> str:
    """The name audit entries show for a command: the system account that runs it."""
    try:
        return f"latchkey ({getpass.getuser()})"
    except (KeyError, OSError):
        return "latchkey"


def show(facts: Mapping[str, Any], as_json: bool, *, names: bool = False) -> None:
    """Print facts: one JSON object, or a readable line each. names: as they are typed, where they can be."""
    if as_json:
        click.echo(json.dumps(facts, default=str, ensure_ascii=False))
        return
    width = max((len(name) for name in facts), default=0) + 2
    for name, value in facts.items():
        label = name if names else name.replace("_", " ")
        click.echo(f"{label + ':':{width}}{_readable(value)}")


def secret(text: str | None) -> str | None:
    """A secret as given, or read from standard input where `-` was given."""
    if text != "-":
        return text
    typed = sys.stdin.readline().rstrip("\r\n")
    if not typed:
        raise click.UsageError("Nothing came on standard input.")
    return typed


def get_vendor(domain: str) -> Vendor:
    """The vendor a command names. Raises NotFound."""
    from portal.vendors import service as vendors

    return vendors.get_by_domain(domain)


def _readable(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value) or "-"
    return str(value)
