"""What our own tables tell without asking Stripe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from portal import clock
from portal.billing.gateway import CustomerRead
from portal.billing.links import number_in
from portal.billing.models import StripeAccount, StripeCustomer, Subscription
from portal.customers.models import Customer
from portal.extensions import db
from portal.fulfillment import oddities
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.states import ENDED
from portal.reconciliation import missing, money, ours
from portal.reconciliation.found import Found
from portal.reconciliation.naming import CUSTOMER
from portal.reconciliation.pairs import Held
from portal.reconciliation.people import Known
from portal.webhooks.models import StripeEvent

PATIENCE = timedelta(minutes=5)
PART = 500
HAS_UNIT = (
    select(PaidUnit.id)
    .where(PaidUnit.vendor_id == Purchase.vendor_id, PaidUnit.stripe_id == Purchase.stripe_id)
    .exists()
)


def unclaimed_payments(vendor_id: int) -> list[Found]:
    """Every payment that waits for staff."""
    mine = select(Purchase).where(Purchase.vendor_id == vendor_id, Purchase.state == "unclaimed")
    return [money.unclaimed_payment(purchase) for purchase in db.session.scalars(mine)]


def parked_events(vendor_id: int) -> list[Found]:
    """One for each purchase with events that were given up, by the newest of them."""
    mine = select(StripeEvent).where(StripeEvent.vendor_id == vendor_id, StripeEvent.state == "parked")
    newest = {event.subject or event.event_id: event for event in db.session.scalars(mine.order_by(StripeEvent.id))}
    purchases = _purchases(vendor_id, list(newest))
    return [missing.parked_event(event, purchases.get(subject)) for subject, event in newest.items()]


def _purchases(vendor_id: int, ids: Sequence[str]) -> dict[str, Purchase]:
    found: dict[str, Purchase] = {}
    for start in range(0, len(ids), PART):
        part = Purchase.stripe_id.in_(ids[start : start + PART])
        mine = select(Purchase).where(Purchase.vendor_id == vendor_id, part)
        found |= {purchase.stripe_id: purchase for purchase in db.session.scalars(mine)}
    return found


def unreadable_purchases(vendor_id: int) -> list[Found]:
    """Every purchase about which Stripe says something unclear; a key that cannot be adopted has a class of its own."""
    mine = select(Purchase).where(
        Purchase.vendor_id == vendor_id, Purchase.notice.not_in(("", oddities.NOT_ADOPTED)), Purchase.state != "ended"
    )
    return [missing.unreadable(purchase) for purchase in db.session.scalars(mine)]


def instance_of(vendor_id: int) -> str:
    """The mark of this installation's purchases; empty before the first one."""
    return db.session.scalar(select(StripeAccount.instance).where(StripeAccount.vendor_id == vendor_id)) or ""


def served(vendor_id: int, ids: Sequence[str]) -> set[str]:
    """Those of these purchases that have a key, or are known to need none."""
    found: set[str] = set()
    for start in range(0, len(ids), PART):
        part = Purchase.stripe_id.in_(ids[start : start + PART])
        settled = HAS_UNIT | Purchase.state.in_(("unclaimed", "ended"))
        mine = select(Purchase.stripe_id).where(Purchase.vendor_id == vendor_id, part, settled)
        found |= set(db.session.scalars(mine))
    return found


def once_without_key(vendor_id: int) -> set[str]:
    """Payments that happen once, that we took for served, and that have no key."""
    mine = select(Purchase.stripe_id).where(
        Purchase.vendor_id == vendor_id, Purchase.state == "served", ~Purchase.stripe_id.startswith("sub_"), ~HAS_UNIT
    )
    return set(db.session.scalars(mine))


def subscriptions(vendor_id: int, livemode: bool, before: datetime) -> set[str]:
    """Subscriptions that have not ended for us, known since before that moment."""
    bought = select(Purchase.stripe_id).where(
        Purchase.vendor_id == vendor_id,
        Purchase.livemode == livemode,
        Purchase.state == "served",
        Purchase.stripe_id.startswith("sub_"),
        Purchase.first_seen_at < before,
    )
    linked = select(Subscription.stripe_id).where(
        Subscription.vendor_id == vendor_id,
        Subscription.livemode == livemode,
        Subscription.license_global_id.is_not(None),
        Subscription.status.not_in(ENDED),
        Subscription.fetched_at < before,
    )
    let_go = select(Purchase.stripe_id).where(Purchase.vendor_id == vendor_id, Purchase.state == "ended")
    return {*db.session.scalars(bought), *db.session.scalars(linked)} - set(db.session.scalars(let_go))


def held_without_stripe(vendor_id: int, stripe_id: str) -> Held:
    """Our side of a purchase that Stripe does not know."""
    nothing = Facts(
        stripe_id=stripe_id,
        livemode=False,
        status="",
        effect="",
        because="",
        fetched_at=clock.now(),
        stripe_customer_id="",
        email="",
        metadata={},
        customer_metadata={},
        lines=(),
        amount_minor=None,
        currency="",
    )
    return ours.read(vendor_id, [nothing], {})[stripe_id]


def known_people(vendor_id: int, livemode: bool, customers: Iterable[CustomerRead]) -> Known:
    """Our counterparts of Stripe's customers, and which of the numbers there are customers of ours."""
    mine = select(StripeCustomer.stripe_id, StripeCustomer.customer_id).where(
        StripeCustomer.vendor_id == vendor_id, StripeCustomer.livemode == livemode, StripeCustomer.state == "linked"
    )
    counterparts = {str(stripe_id): customer_id for stripe_id, customer_id in db.session.execute(mine) if stripe_id}
    numbers = sorted({number for read in customers if (number := number_in(read.metadata, CUSTOMER))})
    known: set[int] = set()
    for start in range(0, len(numbers), PART):
        part = select(Customer.id).where(
            Customer.vendor_id == vendor_id, Customer.id.in_(numbers[start : start + PART])
        )
        known |= set(db.session.scalars(part))
    return Known(counterparts, frozenset(known), frozenset())


def just_told(vendor_id: int, ids: Sequence[str]) -> set[str]:
    """Purchases of which Stripe told us so recently that a worker is about to look at them."""
    waiting = select(StripeEvent.subject).where(
        StripeEvent.vendor_id == vendor_id,
        StripeEvent.subject.in_(ids),
        StripeEvent.state == "received",
        StripeEvent.received_at > clock.now() - PATIENCE,
    )
    return set(db.session.scalars(waiting)) if ids else set()
