"""`latchkey billing`: re-read Stripe, and give a customer its counterpart there."""

from __future__ import annotations

import click

from portal.cli import running


@click.group()
def billing() -> None:
    """Stripe: re-read what it knows, link customers."""


@billing.command()
@click.option("--vendor", "domain", required=True, help="The vendor's domain.")
@click.option("--customer", "customer_id", type=int, help="Only this customer.")
@running.as_json_option
@running.in_app
def sync(domain: str, customer_id: int | None, as_json: bool) -> None:
    """Re-read Stripe: link subscriptions to customers and licenses; without --customer, read the plans too."""
    from portal import unit_of_work
    from portal.billing import plan_sync, service

    vendor = running.get_vendor(domain)
    found = service.sync(vendor, customer_id)
    unit_of_work.commit()
    facts = {"subscriptions": found.subscriptions, "linked": found.linked}
    if customer_id is None:
        count = plan_sync.sync(vendor)
        unit_of_work.commit()
        facts |= {"plans": count.plans, "plans_sold": count.sold}
    running.show(facts, as_json)


@billing.command()
@click.option("--vendor", "domain", required=True, help="The vendor's domain.")
@click.option("--customer", "customer_id", type=int, required=True)
@running.as_json_option
@running.in_app
def link(domain: str, customer_id: int, as_json: bool) -> None:
    """Make the customer's counterpart at Stripe, or show the one there is."""
    from portal import unit_of_work
    from portal.billing import stripe_customers

    intent = stripe_customers.intend(running.get_vendor(domain), customer_id)
    stripe_id = intent.stripe_id
    with unit_of_work.around_call():
        if stripe_id is None:
            made = stripe_customers.make(intent)
            stripe_id = stripe_customers.keep(intent, made)
    unit_of_work.commit()
    running.show({"customer_id": customer_id, "stripe_customer": stripe_id}, as_json)
