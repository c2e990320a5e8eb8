"""`latchkey products`."""

from __future__ import annotations

import click

from portal.cli import running


@click.group()
def products() -> None:
    """Products: add."""


@products.command()
@click.option("--vendor", "domain", required=True, help="The vendor's domain.")
@click.option("--name", required=True)
@running.as_json_option
@running.in_app
def add(domain: str, name: str, as_json: bool) -> None:
    """Add a product."""
    from portal import unit_of_work
    from portal.licenses import service

    product = service.create_product(running.get_vendor(domain), name)
    unit_of_work.commit()
    running.show({"id": product.id, "name": product.name}, as_json)
