"""Re-read Stripe: who is whose counterpart, how each subscription stands, and which license it pays.

Reading is done with no transaction open (`gather`), writing in one (`apply`). An older read never overwrites a newer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Connection, Executable, func, select, update

from portal import clock, unit_of_work
from portal.billing import account, gateway
from portal.billing.links import Links
from portal.billing.models import StripeCustomer, Subscription
from portal.customers.models import Customer
from portal.database import insert_into
from portal.errors import Conflict, NotFound
from portal.extensions import db
from portal.vendors.service import HasId

RETURN_SECONDS = 1.5  # per call; the return page makes two at most


@dataclass(frozen=True)
class SyncResult:
    """subscriptions: how many were read; linked: how many of them pay a license we know."""

    subscriptions: int
    linked: int


@dataclass(frozen=True)
class Plan:
    """What to read: the whole account, or the counterparts of some customers. email: where none is known yet."""

    vendor_id: int
    connection: gateway.Connection
    stripe_ids: tuple[str, ...] = ()
    customer_id: int | None = None
    email: str = ""
    whole: bool = False


@dataclass
class Gathered:
    """What Stripe said. fetched_at: before the first question. gone: counterparts Stripe no longer knows."""

    livemode: bool
    fetched_at: datetime
    customers: list[gateway.CustomerRead] = field(default_factory=list)
    subscriptions: list[gateway.SubscriptionRead] = field(default_factory=list)
    products: dict[str, gateway.ProductRead] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


def sync(vendor: HasId, customer_id: int | None = None) -> SyncResult:
    """Re-read the account, or one customer; drops the caller's transaction first, the caller commits the result.

    Raises NotFound for an unknown customer, Conflict without a key, and the gateway's errors.
    """
    vendor_id = vendor.id
    unit_of_work.let_go()
    with unit_of_work.reading():
        plan = _plan(vendor, customer_id)
    return apply(db.session.connection(), vendor_id, gather(plan))


def reread(vendor: HasId, customer_ids: Iterable[int]) -> bool:
    """For the return page: the customers' subscriptions, quickly or not at all. Whether Stripe answered in time.

    Runs inside a GET: it ends the request's reading and writes in a short transaction of its own.
    """
    connection = account.connection_of(vendor, read_seconds=RETURN_SECONDS, retries=0)
    if connection is None:
        return False
    plan = Plan(vendor.id, connection, _known(vendor.id, connection.livemode, tuple(customer_ids)))
    unit_of_work.let_go()
    try:
        found = gather(plan)
    except gateway.GatewayError:
        return False
    with unit_of_work.own_transaction() as transaction:
        apply(transaction, vendor.id, found)
    return True


def record_purchase(
    vendor_id: int,
    purchase: gateway.PurchaseRead | None,
    fetched_at: datetime,
    customer_id: int | None,
    license_global_id: int | None,
) -> None:
    """Show a subscription that fulfillment has read on the customer's pages, in the caller's transaction."""
    if purchase is None:
        return
    read, connection = purchase.subscription, db.session.connection()
    found = Gathered(read.livemode, fetched_at, products=purchase.products)
    if purchase.customer is not None:
        Links.read(connection, vendor_id, found, purchase.customer.id).link_customer(purchase.customer)
    _upsert(connection, vendor_id, read, found, customer_id, license_global_id)


def record_customer(vendor_id: int, read: gateway.CustomerRead, livemode: bool, fetched_at: datetime) -> None:
    """Note what a Stripe customer is like now, or that it was deleted, in the caller's transaction."""
    apply(db.session.connection(), vendor_id, Gathered(livemode, fetched_at, customers=[read]))


def _plan(vendor: HasId, customer_id: int | None) -> Plan:
    vendor_id = vendor.id
    row = db.session.get(Customer, (vendor_id, customer_id)) if customer_id and 0 < customer_id < 2**31 else None
    if customer_id is not None and row is None:
        raise NotFound(_("There is no customer with this id."))
    connection = account.connection_of(vendor)
    if connection is None:
        raise Conflict(_("There is no Stripe key yet."))
    if row is None:
        return Plan(vendor_id, connection, whole=True)
    known = _known(vendor_id, connection.livemode, (row.id,))
    return Plan(vendor_id, connection, known, row.id, "" if known else row.email_key)


def _known(vendor_id: int, livemode: bool, customer_ids: tuple[int, ...]) -> tuple[str, ...]:
    statement = select(StripeCustomer.stripe_id).where(
        StripeCustomer.vendor_id == vendor_id,
        StripeCustomer.livemode == livemode,
        StripeCustomer.customer_id.in_(customer_ids),
        StripeCustomer.stripe_id.is_not(None),
        StripeCustomer.state == "linked",
    )
    return tuple(db.session.scalars(statement))  # type: ignore[arg-type]


def gather(plan: Plan) -> Gathered:
    """Ask Stripe. Call it with no transaction open."""
    found = Gathered(plan.connection.livemode, clock.now())
    if plan.whole:
        found.customers = list(gateway.list_customers(plan.connection))
        found.subscriptions = list(gateway.list_subscriptions(plan.connection))
    for stripe_id in (*plan.stripe_ids, *_search(plan, found)):
        try:
            found.subscriptions += gateway.list_subscriptions(plan.connection, stripe_id)
        except gateway.NoSuchCustomer:
            found.gone.append(stripe_id)
    wanted = {item.product_id for one in found.subscriptions for item in one.items if item.product_id}
    if wanted:
        found.products = gateway.list_products(plan.connection, sorted(wanted))
    return found


def _search(plan: Plan, found: Gathered) -> list[str]:
    """Counterparts that carry our customer's id in their metadata; the address only narrows the search."""
    if not plan.email:
        return []
    same_address = gateway.find_customers_by_email(plan.connection, plan.email)
    found.customers = [one for one in same_address if one.metadata.get("skm_customer_id") == str(plan.customer_id)]
    return [one.id for one in found.customers]


def apply(connection: Connection, vendor_id: int, found: Gathered) -> SyncResult:
    """Write what was gathered, in the transaction of `connection`."""
    links = Links.read(connection, vendor_id, found)
    for customer in found.customers:
        links.link_customer(customer)
    for stripe_id in [*found.gone, *(one.id for one in found.customers if one.is_deleted)]:
        gone = update(StripeCustomer).where(
            StripeCustomer.vendor_id == vendor_id, StripeCustomer.stripe_id == stripe_id
        )
        connection.execute(gone.values(state="stale"))
    linked = 0
    for subscription in found.subscriptions:
        if subscription.livemode != found.livemode or links.is_foreign(subscription.metadata):
            continue
        customer_id, global_id = links.resolve(subscription)
        linked += global_id is not None
        _upsert(connection, vendor_id, subscription, found, customer_id, global_id)
    return SyncResult(len(found.subscriptions), linked)


def _upsert(
    connection: Connection,
    vendor_id: int,
    read: gateway.SubscriptionRead,
    found: Gathered,
    customer_id: int | None,
    global_id: int | None,
) -> None:
    links = {"customer_id": customer_id, "license_global_id": global_id}
    values = _columns(read, found) | links
    statement = _upserting(connection.dialect.name, tuple(values))
    connection.execute(statement, {"vendor_id": vendor_id, "stripe_id": read.id, **values})


@cache  # building this statement costs several times what running it does
def _upserting(dialect: str, names: tuple[str, ...]) -> Executable:
    insert = insert_into(Subscription.__table__)
    # A link that Stripe's metadata no longer shows is kept: nothing missing there takes a key away here.
    changed: dict[str, Any] = {name: insert.excluded[name] for name in names}
    for name in ("customer_id", "license_global_id"):
        changed[name] = func.coalesce(insert.excluded[name], getattr(Subscription, name))
    newer = Subscription.fetched_at <= insert.excluded.fetched_at
    keys = ["vendor_id", "stripe_id"]
    statement: Executable = insert.on_conflict_do_update(index_elements=keys, set_=changed, where=newer)
    return statement


def _columns(read: gateway.SubscriptionRead, found: Gathered) -> dict[str, Any]:
    names = [found.products[item.product_id].name for item in read.items if item.product_id in found.products]
    return {
        "stripe_customer_id": read.customer_id,
        "livemode": read.livemode,
        "status": read.status[:30],
        "plan_name": ", ".join(dict.fromkeys(names))[:250],
        "amount_minor": read.amount_minor,
        "currency": read.currency[:3],
        "interval": read.interval[:10],
        "interval_count": read.interval_count,
        "quantity": read.quantity,
        "period_end": read.period_end,
        "trial_end": read.trial_end,
        "cancel_at": read.cancel_at,
        "ended_at": read.ended_at,
        "started_at": read.started_at,
        "fetched_at": found.fetched_at,
    }
