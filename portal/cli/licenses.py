"""`latchkey licenses`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from portal.cli import running

FEATURES = tuple(f"f{number}" for number in range(1, 9))


def feature_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options --f1 to --f8."""
    for name in reversed(FEATURES):
        command = click.option(f"--{name}", is_flag=True, help=f"Switch feature {name.upper()} on.")(command)
    return command


@click.group()
def licenses() -> None:
    """Licenses: create, assign."""


@licenses.command()
@click.option("--vendor", "domain", required=True, help="The vendor's domain.")
@click.option("--product", "product_id", type=int, required=True)
@click.option("--customer", "customer_id", type=int)
@click.option("--period", type=int, default=0, help="Days; 0 is perpetual.")
@click.option("--max-machines", "max_no_of_machines", type=int, default=0, help="0 is no limit.")
@feature_options
@click.option("--trial-activation", is_flag=True)
@click.option("--notes", default="")
@running.as_json_option
@running.in_app
def create(domain: str, product_id: int, as_json: bool, **fields: Any) -> None:
    """Make a license with a new key."""
    from portal import unit_of_work
    from portal.licenses import service

    vendor = running.get_vendor(domain)
    product = service.get_product(vendor, product_id)
    features = {name: True for name in FEATURES if fields.pop(name)}
    license = service.create_license(vendor, product, features=features, **fields)
    unit_of_work.commit()
    facts = {"id": license.id, "global_id": license.global_id, "key": license.key}
    running.show(facts | {"expires": license.expires_at.isoformat()}, as_json)


@licenses.command()
@click.option("--vendor", "domain", required=True, help="The vendor's domain.")
@click.option("--license", "global_id", type=int, required=True, help="The license's GlobalId.")
@click.option("--customer", "customer_id", type=int, required=True)
@running.as_json_option
@running.in_app
def assign(domain: str, global_id: int, customer_id: int, as_json: bool) -> None:
    """Give a license to a customer."""
    from portal import unit_of_work
    from portal.licenses import service

    vendor = running.get_vendor(domain)
    license = service.get(vendor, global_id)
    service.assign_customer(vendor, license, customer_id)
    unit_of_work.commit()
    running.show({"global_id": license.global_id, "customer_id": license.customer_id}, as_json)
