"""Read both sides once: our tables, then Stripe with no transaction open, in bounded pages and bounded time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import func, select

from portal import clock
from portal.billing import gateway
from portal.billing import service as billing
from portal.billing.gateway import configurations, endpoints, probes, samples
from portal.billing.gateway.samples import HappenedRead, Sample
from portal.billing.models import StripeAccount, StripeCustomer, Subscription
from portal.customers.models import Customer
from portal.extensions import db
from portal.fulfillment.models import Purchase
from portal.licenses import limits
from portal.licenses.models import Product
from portal.stripe_doctor.facts import Linked, Ours, Theirs, same_address
from portal.vendors import service as vendors
from portal.webhooks import endpoint
from portal.webhooks.models import StripeEvent

READ_SECONDS, RETRIES = 6.0, 1
LONGEST_SECONDS = 25.0
MOST_PRODUCTS, MOST_PRICES, MOST_CUSTOMERS, MOST_SUBSCRIPTIONS = 300, 500, 500, 500
MOST_LINKED, MOST_OTHER_CUSTOMERS, MOST_ADDRESSES = 200, 20, 20
SETTLED = timedelta(minutes=10)  # time for Stripe's first tries
READ_LATELY = timedelta(hours=6)  # what waits for money is read every hour
Found = TypeVar("Found")
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Patient:
    """What is needed to read a vendor's Stripe account."""

    ours: Ours
    connection: gateway.Connection = field(repr=False)


def patient_of(vendor_id: int) -> Patient | None:
    """Our side; None without a Stripe key. Reads the database."""
    vendor = vendors.get(vendor_id)
    connection = billing.connection_of(vendor, read_seconds=READ_SECONDS, retries=RETRIES)
    account = db.session.get(StripeAccount, vendor_id)
    if connection is None or account is None:
        return None
    mine = (StripeCustomer.vendor_id == vendor_id, StripeCustomer.livemode == connection.livemode)
    linked = (*mine, StripeCustomer.state == "linked", StripeCustomer.stripe_id.is_not(None))
    ours = Ours(
        vendor_id=vendor_id,
        livemode=connection.livemode,
        is_restricted=connection.api_key.startswith("rk_"),
        is_sandbox=connection.api_base is not None,
        endpoint_url=endpoint.url_of(vendor_id),
        endpoint_id=account.endpoint_id,
        secret_count=len(billing.opened_secrets(vendor_id, account.webhook_secrets)),
        configuration_id=account.configuration_id,
        login_link=vendors.switches_of(vendor).portal_login_link,
        products={row[0]: row[1] for row in db.session.execute(_of(vendor_id, Product, Product.id, Product.name))},
        limits=limits.of_products(vendor_id),
        linked=_linked(linked),
        linked_count=db.session.scalar(select(func.count()).select_from(StripeCustomer).where(*linked)) or 0,
        other_mode=_in_mode(vendor_id, not connection.livemode),
        newest_event_at=db.session.scalar(_of(vendor_id, StripeEvent, func.max(StripeEvent.created_at))),
        awaited=_awaited(vendor_id),
    )
    return Patient(ours, connection)


def _of(vendor_id: int, model: Any, *columns: Any) -> Any:
    return select(*columns).where(model.vendor_id == vendor_id)


def _awaited(vendor_id: int) -> frozenset[str]:
    """Purchases whose money was still on its way when they were last read: no key is due yet."""
    lately = Purchase.fetched_at > clock.now() - READ_LATELY
    return frozenset(
        db.session.scalars(_of(vendor_id, Purchase, Purchase.stripe_id).where(Purchase.state == "waiting", lately))
    )


def _in_mode(vendor_id: int, livemode: bool) -> tuple[int, int]:
    """Customers and subscriptions that were read in a mode."""
    customers = _of(vendor_id, StripeCustomer, func.count()).where(StripeCustomer.livemode == livemode)
    subscriptions = _of(vendor_id, Subscription, func.count()).where(Subscription.livemode == livemode)
    return db.session.scalar(customers) or 0, db.session.scalar(subscriptions) or 0


def _linked(conditions: tuple[Any, ...]) -> tuple[Linked, ...]:
    statement = (
        select(StripeCustomer.customer_id, StripeCustomer.stripe_id, Customer.email_key)
        .join(Customer, (Customer.vendor_id == StripeCustomer.vendor_id) & (Customer.id == StripeCustomer.customer_id))
        .where(*conditions)
        .order_by(StripeCustomer.id.desc())
        .limit(MOST_LINKED)
    )
    return tuple(Linked(row[0], str(row[1]), row[2] or "") for row in db.session.execute(statement))


class Reading:
    """One reading of Stripe. Parts that the key may not see, or for which no time is left, stay None."""

    def __init__(self, patient: Patient) -> None:
        self.ours, self.connection = patient.ours, patient.connection
        self.started = clock.monotonic()
        self.refused: list[str] = []
        self.skipped: list[str] = []

    def part(self, name: str, ask: Callable[[], Found]) -> Found | None:
        """The answer to one question. Raises Unreachable."""
        if clock.monotonic() - self.started > LONGEST_SECONDS:
            self.skipped.append(name)
            return None
        try:
            return ask()
        except gateway.KeyRefused:
            self.refused.append(name)
            return None

    def missing_permissions(self) -> Pairs:
        """The permissions that a restricted key lacks; another key has them all."""
        if not self.ours.is_restricted:
            return ()
        tried = [
            (pair, self.part("permissions", partial(probes.may, self.connection, *pair)))
            for pair in billing.PERMISSIONS
        ]
        return tuple(pair for pair, may in tried if may is False)

    def newest_event(self, until: int, *, delivered: bool) -> HappenedRead | None:
        """The newest of our events up to then that every endpoint has taken, or that some has not."""
        filters = {"created": {"lte": until}, "delivery_success": delivered}
        return samples.newest_event(self.connection, endpoint.WANTED, **filters)

    def addresses(self, found: Sample[gateway.CustomerRead] | None) -> tuple[dict[str, str], tuple[str, ...]]:
        """Stripe's address of our linked customers, and those among them that Stripe does not know any more."""
        seen = {one.id: one for one in found.found} if found else {}
        others = [one.stripe_id for one in self.ours.linked if one.stripe_id not in seen][:MOST_OTHER_CUSTOMERS]
        for stripe_id in others:
            read = self.part("customers", partial(self._customer, stripe_id))
            if read is not None:
                seen[read.id] = read
        emails, gone = {}, []
        for linked in self.ours.linked:
            read = seen.get(linked.stripe_id)
            if read is not None and read.is_deleted:
                gone.append(read.id)
            elif read is not None:
                emails[read.id] = read.email
        return emails, tuple(gone)

    def _customer(self, stripe_id: str) -> gateway.CustomerRead:
        try:
            return gateway.retrieve_customer(self.connection, stripe_id)
        except gateway.NoSuchCustomer:
            return gateway.CustomerRead(id=stripe_id, email="", livemode=None, metadata={}, is_deleted=True)

    def picks(self, found: Sample[gateway.CustomerRead] | None) -> dict[str, str]:
        """By address that several customers have: the one whose account Stripe's login page opens, if it would any.

        Stripe takes the most recently made one with that address and an active subscription.
        """
        shared = list(same_address(found).items())[:MOST_ADDRESSES]
        return {email: next((one.id for one in same if self._is_active(one.id)), "") for email, same in shared}

    def _is_active(self, stripe_id: str) -> bool:
        found = self.part(
            "subscriptions", lambda: samples.running_subscriptions(self.connection, 10, customer=stripe_id)
        )
        return any(one.status in ("active", "trialing") for one in (found.found if found else ()))


def read_stripe(patient: Patient, *, missing: Pairs | None = None) -> Theirs:
    """Stripe's side, with no transaction open. Raises Unreachable, and KeyRefused for a key that opens nothing.

    missing: permissions known to be missing; None to try them all, which takes some twenty calls.
    """
    way, asking = patient.connection, Reading(patient)
    asked_at = clock.now()
    key = probes.read_key(way)
    until = int((asked_at - SETTLED).timestamp())
    found = asking.part("customers", lambda: samples.customers(way, MOST_CUSTOMERS))
    emails, gone = asking.addresses(found)
    listed = asking.part("webhooks", lambda: endpoints.list_endpoints(way))
    portals = asking.part("portal", lambda: configurations.list_configurations(way))
    return Theirs(
        asked_at=asked_at,
        account_id=key.account_id,
        stripe_time=key.stripe_time,
        missing=asking.missing_permissions() if missing is None else missing,
        endpoints=None if listed is None else tuple(listed),
        newest_event=asking.part("events", lambda: samples.newest_event(way, endpoint.WANTED)),
        delivered=asking.part("events", lambda: asking.newest_event(until, delivered=True)),
        undelivered=asking.part("events", lambda: asking.newest_event(until, delivered=False)),
        products=asking.part("products", lambda: samples.products(way, MOST_PRODUCTS)),
        prices=asking.part("prices", lambda: samples.prices(way, MOST_PRICES)),
        configurations=None if portals is None else tuple(portals),
        customers=found,
        picks=asking.picks(found),
        emails=emails,
        gone=gone,
        subscriptions=asking.part("subscriptions", lambda: samples.running_subscriptions(way, MOST_SUBSCRIPTIONS)),
        refused=tuple(dict.fromkeys(asking.refused)),
        skipped=tuple(dict.fromkeys(asking.skipped)),
    )
