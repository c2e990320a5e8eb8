"""`latchkey customers`."""

from __future__ import annotations

from typing import Any

import click

from portal.cli import running


@click.group()
def customers() -> None:
    """Customers: add."""


@customers.command()
@click.option("--vendor", "domain", required=True, help="The vendor's domain.")
@click.option("--name", required=True)
@click.option("--email", default="")
@click.option("--company", "company_name", default="")
@click.option("--enable-association", "enable_customer_association", is_flag=True, help="Make a personal link.")
@click.option("--allow-activation-management", is_flag=True, help="The customer may release machines.")
@click.option("--allow-multiple-user-association", is_flag=True, help="Several accounts may use the link.")
@running.as_json_option
@running.in_app
def add(domain: str, as_json: bool, **fields: Any) -> None:
    """Add a customer; the secret is shown this once."""
    from portal import unit_of_work
    from portal.associate import links
    from portal.customers import service

    vendor = running.get_vendor(domain)
    customer, secret = service.create(vendor, **fields)
    unit_of_work.commit()
    facts = {"id": customer.id, "portal_link": links.personal_link(vendor, customer), "secret": secret}
    running.show(facts, as_json)
