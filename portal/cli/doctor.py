"""`latchkey doctor`: what is wrong, and how to mend it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from portal.cli import running


@click.command()
@click.option("--settings", "list_settings", is_flag=True, help="List every setting with its meaning instead.")
@running.as_json_option
def doctor(list_settings: bool, as_json: bool) -> None:
    """Check settings, database, mail, queue and Stripe. Exits 1 if anything needs mending."""
    if list_settings:
        from portal import config

        if as_json:
            running.show(config.documentation(), as_json)
        else:
            _show_settings(config.documentation())
        return
    from portal.cli import checks

    found = [checks.settings()]
    if found[0].ok:
        with running.portal_app(migrated=False):
            found.extend(checks.everything())
    if as_json:
        click.echo(json.dumps({"checks": [asdict(check) for check in found]}, ensure_ascii=False))
    else:
        for check in found:
            click.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.message}")
            if check.fix:
                click.echo(f"      {check.fix}")
    if not all(check.ok for check in found):
        sys.exit(1)


def _show_settings(settings: dict[str, str]) -> None:
    for name, meaning in settings.items():
        click.echo(f"{name}\n    {meaning}")
