"""The command line: `latchkey`. Each group lives in a module of its own, imported only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

# command or group → module that holds it under the same name (dashes become underscores)
COMMANDS: dict[str, str] = {
    "billing": "portal.cli.billing",
    "customers": "portal.cli.customers",
    "data": "portal.cli.data",
    "db": "portal.cli.db",
    "demo": "portal.cli.demo",
    "doctor": "portal.cli.doctor",
    "licenses": "portal.cli.licenses",
    "products": "portal.cli.products",
    "reconcile": "portal.cli.reconcile",
    "seed": "portal.cli.seed",
    "serve": "portal.cli.serve",
    "vendors": "portal.cli.vendors",
    "worker": "portal.cli.worker",
}


class Lazy(click.Group):
    """A group whose commands are imported when they are needed, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the module and hand out its command."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[name]), name.replace("-", "_"))
        return command


@click.group(cls=Lazy)
@click.version_option(package_name="latchkey")
def cli() -> None:
    """Latchkey: a self-hosted customer portal for vendors who sell software licenses and bill with Stripe."""


def main() -> None:
    """Run a command: 0 on success, 2 on wrong usage, 1 with one clear line on failure."""
    from portal.config import SettingsError

    try:
        cli.main(standalone_mode=True)
    except SettingsError as error:
        click.echo(f"latchkey: {error}", err=True)
        sys.exit(1)
