"""Who is who at Stripe: our customer and its counterpart, one per mode. Never matched by an e-mail address alone.

Made on demand, in three steps that an edge joins: `intend` (commit), `make` (no transaction), `keep` (commit). Looking
at a page or pressing *Manage billing* never makes one: without a counterpart there is nothing to manage.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update

from portal import clock
from portal.audit import service as audit
from portal.billing import account, gateway
from portal.billing.links import INSTANCE, is_foreign
from portal.billing.models import StripeAccount, StripeCustomer
from portal.customers.models import Customer
from portal.database import insert_into
from portal.errors import Conflict, NotFound
from portal.extensions import db
from portal.vendors.service import HasId


@dataclass(frozen=True)
class Intent:
    """A counterpart to be made. stripe_id: set where it exists already."""

    vendor_id: int
    customer_id: int
    stripe_id: str | None
    params: dict[str, Any]
    idempotency_key: str
    connection: gateway.Connection = field(repr=False)


def intend(vendor: HasId, customer_id: int) -> Intent:
    """Note that the customer needs a counterpart; commit afterwards. Raises NotFound, and Conflict without a key."""
    connection = account.connection_of(vendor)
    if connection is None:
        raise Conflict(_("There is no Stripe key yet."))
    customer = db.session.get(Customer, (vendor.id, customer_id))
    if customer is None:
        raise NotFound(_("There is no customer with this id."))
    row = {"vendor_id": vendor.id, "customer_id": customer_id, "livemode": connection.livemode}
    db.session.execute(insert_into(StripeCustomer).values(**row).on_conflict_do_nothing())
    made = db.session.scalars(select(StripeCustomer).filter_by(**row)).one()
    if made.state == "stale":
        made.state, made.stripe_id, made.created_at = "making", None, clock.now()
    instance = db.session.scalar(select(StripeAccount.instance).where(StripeAccount.vendor_id == vendor.id))
    params = {
        "name": customer.name or customer.company_name,
        "email": customer.email_key or None,
        "metadata": {"skm_customer_id": str(customer_id)} | ({INSTANCE: instance} if instance else {}),
    }
    # The moment makes the key unique across installations and across a restored backup.
    key = f"skm:cus:{made.id}:{int(made.created_at.timestamp() * 1_000_000)}:1"
    return Intent(vendor.id, customer_id, made.stripe_id, params, key, connection)


def make(intent: Intent) -> gateway.CustomerRead:
    """Make the counterpart at Stripe, or find the one that was made before; with no transaction open."""
    wanted, instance = intent.params["metadata"]["skm_customer_id"], intent.params["metadata"].get(INSTANCE, "")
    if intent.params["email"]:
        for found in gateway.find_customers_by_email(intent.connection, intent.params["email"]):
            if found.metadata.get("skm_customer_id") == wanted and not is_foreign(found.metadata, instance):
                return found
    return gateway.create_customer(intent.connection, intent.params, intent.idempotency_key)


def keep(intent: Intent, made: gateway.CustomerRead) -> str:
    """Record the counterpart; commit afterwards. Returns the `cus_…` that counts: the first one wins."""
    mine = _of(intent.vendor_id, intent.customer_id, intent.connection.livemode)
    linked = (
        update(StripeCustomer)
        .where(*mine, StripeCustomer.stripe_id.is_(None))
        .values(stripe_id=made.id, email=made.email, state="linked")
    )
    if db.session.execute(linked).rowcount:  # type: ignore[attr-defined]
        after = {"stripe_customer": made.id}
        audit.record(intent.vendor_id, "stripe.link", f"customer:{intent.customer_id}", after=after)
    return str(db.session.scalar(select(StripeCustomer.stripe_id).where(*mine)))


def mark_stale(vendor: HasId, stripe_id: str) -> None:
    """Note that Stripe no longer knows a customer; commit afterwards."""
    gone = update(StripeCustomer).where(StripeCustomer.vendor_id == vendor.id, StripeCustomer.stripe_id == stripe_id)
    db.session.execute(gone.values(state="stale"))


def _of(vendor_id: int, customer_id: int, livemode: bool) -> tuple[Any, ...]:
    return (
        StripeCustomer.vendor_id == vendor_id,
        StripeCustomer.customer_id == customer_id,
        StripeCustomer.livemode == livemode,
    )
