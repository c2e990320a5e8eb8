"""`latchkey reconcile`: compare Stripe with the licenses, and repair what takes nothing away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from portal.cli import running

if TYPE_CHECKING:
    from portal.vendors.models import Vendor


@click.command()
@click.option("--vendor", "domain", help="Only this vendor; all vendors without it.")
@click.option("--repair", is_flag=True, help="Repair what needs no person's decision and takes nothing away.")
@running.as_json_option
@running.in_app
def reconcile(domain: str | None, repair: bool, as_json: bool) -> None:
    """Compare Stripe with the licenses, class by class."""
    vendors = [running.get_vendor(domain)] if domain else _vendors()
    owners = [(vendor.id, vendor.domain) for vendor in vendors]
    classes: dict[str, int] = {}
    checked = repaired = 0
    failures = []
    for vendor_id, name in owners:
        found, failure = _compare(vendor_id)
        checked += found["checked"]
        classes = {kind: classes.get(kind, 0) + number for kind, number in found["classes"].items()}
        repaired += _repair(vendor_id) if repair and not failure else 0
        failures += [f"{name}: {failure}"] if failure else []
    _show({"checked": checked, "classes": classes or _none(), "repaired": repaired}, as_json)
    if failures:
        raise click.ClickException(f"Stripe could not be compared. {'; '.join(failures)}")


def _show(facts: dict[str, Any], as_json: bool) -> None:
    """As JSON with every class; in lines only the classes with something in them."""
    if as_json:
        running.show(facts, as_json)
        return
    found = {kind: number for kind, number in facts["classes"].items() if number}
    told = {"checked": facts["checked"], "differences": sum(found.values()), **found, "repaired": facts["repaired"]}
    running.show(told, as_json, names=True)


def _vendors() -> list[Vendor]:
    from sqlalchemy import select

    from portal.billing.models import StripeAccount
    from portal.extensions import db
    from portal.vendors.models import Vendor

    with_a_key = select(Vendor).join(StripeAccount, StripeAccount.vendor_id == Vendor.id)
    return list(db.session.scalars(with_a_key.where(StripeAccount.api_key != "").order_by(Vendor.id)))


def _compare(vendor_id: int) -> tuple[dict[str, Any], str]:
    from portal import unit_of_work
    from portal.reconciliation import account, alarms, ledger

    unit_of_work.rollback()
    comparison = account.compare(vendor_id)
    classes = ledger.record(comparison)
    alarms.tell(vendor_id)
    unit_of_work.commit()
    return {"checked": comparison.checked, "classes": classes}, comparison.failure


def _repair(vendor_id: int) -> int:
    """One finding after the other, each in transactions of its own; what needs a person stays open."""
    from portal import unit_of_work
    from portal.errors import PortalError
    from portal.reconciliation import repairs
    from portal.vendors import service as vendors

    vendor = vendors.profile_of(vendors.get(vendor_id))
    ids = repairs.findings_to_try(vendor)
    unit_of_work.rollback()
    repaired = 0
    for finding_id in ids:
        try:
            ready = repairs.read(vendor, finding_id)
            result = repairs.apply(ready, may_take_away=False)
            unit_of_work.commit()
            failure = repairs.write(ready, result)
            unit_of_work.commit()
            repaired += result.is_done and not failure
        except PortalError:
            unit_of_work.rollback()
    return repaired


def _none() -> dict[str, int]:
    from portal.reconciliation.found import KINDS

    return dict.fromkeys(KINDS, 0)
