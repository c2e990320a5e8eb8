"""`latchkey data`."""

from __future__ import annotations

import click

from portal.cli import running


@click.group()
def data() -> None:
    """Vendor (“user level”) data objects: set."""


@data.command("set")
@click.option("--vendor", "domain", required=True, help="The vendor's domain.")
@click.option("--name", required=True)
@click.option("--string-value", help="Left out, it stays as it is.")
@click.option("--int-value", type=int, help="Left out, it stays as it is.")
@running.as_json_option
@running.in_app
def set_value(domain: str, name: str, string_value: str | None, int_value: int | None, as_json: bool) -> None:
    """Make or change a data object."""
    from portal import unit_of_work
    from portal.data_objects import service

    found = service.set_value(running.get_vendor(domain), name, string_value, int_value)
    unit_of_work.commit()
    facts = {"id": found.id, "name": found.name, "string_value": found.string_value, "int_value": found.int_value}
    running.show(facts, as_json)
