"""Every five minutes, from our own tables alone: is anybody charged without a key? It needs no answer from Stripe."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from portal import clock
from portal.billing.models import Order, Plan, StripeAccount, Subscription
from portal.extensions import db
from portal.fulfillment import sweeps
from portal.fulfillment.models import PaidUnit, Purchase
from portal.reconciliation import alarms, ledger, local
from portal.reconciliation.found import Found
from portal.reconciliation.local import HAS_UNIT, PATIENCE
from portal.reconciliation.models import Finding
from portal.webhooks.models import StripeEvent

CHARGED = "charged_without_key"
COMPLETED = "checkout.session.completed"  # a bank may still be waited for
MONEY_CAME = (
    COMPLETED,
    "checkout.session.async_payment_succeeded",
    "invoice.paid",
    "invoice.payment_succeeded",
)
PURCHASES = ("sub_", "cs_", "in_")
SETTLED = ("unclaimed", "ended", "waiting")
OF_THE_ORDER = and_(Plan.vendor_id == Order.vendor_id, Plan.price_id == Order.price_id)


def watch(*, vendor_id: int | None) -> None:
    """The job, for one vendor or for all: open and close what our tables tell, alarm staff, and try the key again."""
    everybody = select(StripeAccount.vendor_id).where(StripeAccount.api_key != "")
    for each in [vendor_id] if vendor_id is not None else list(db.session.scalars(everybody)):
        _watch_one(each)


def _watch_one(vendor_id: int) -> None:
    started_at = clock.now()
    unclaimed, parked = local.unclaimed_payments(vendor_id), local.parked_events(vendor_id)
    unclear, keyless = local.unreadable_purchases(vendor_id), charged(vendor_id)
    ledger.keep(vendor_id, [*keyless, *unclaimed, *unclear, *parked])
    ledger.close_claimed(vendor_id)
    ledger.close_gone(vendor_id, started_at, kinds=("unclaimed_payment",))
    ledger.close_as_gone(_over(vendor_id, *({one.subject for one in found} for found in (keyless, parked, unclear))))
    _try_again(vendor_id)
    alarms.tell(vendor_id)
    alarms.tell_of_standstill(vendor_id)


def charged(vendor_id: int) -> list[Found]:
    """Money that came more than five minutes ago, and no key: by purchase, by order, by an event that waits."""
    late = clock.now() - PATIENCE
    return [*_purchases(vendor_id, late), *_orders(vendor_id, late), *_events(vendor_id, late)]


def _purchases(vendor_id: int, late: datetime) -> Iterable[Found]:
    mine = select(Purchase).where(
        Purchase.vendor_id == vendor_id, Purchase.state == "served", Purchase.first_seen_at < late, ~HAS_UNIT
    )
    for purchase in db.session.scalars(mine):
        yield Found(
            CHARGED,
            purchase.stripe_id,
            purchase=purchase.stripe_id,
            stripe={"status": purchase.status, "paid": True, "stripe_customer": purchase.stripe_customer_id},
            ours={"keys": 0, "state": purchase.state},
            since=purchase.first_seen_at,
            customer_id=purchase.customer_id,
            amount_minor=purchase.amount_minor,
            currency=purchase.currency,
        )


def _orders(vendor_id: int, late: datetime) -> Iterable[Found]:
    has_unit = select(PaidUnit.id).where(PaidUnit.vendor_id == Order.vendor_id, PaidUnit.stripe_id == Order.stripe_id)
    settled = select(Purchase.stripe_id).where(
        Purchase.vendor_id == Order.vendor_id, Purchase.stripe_id == Order.stripe_id, Purchase.state.in_(SETTLED)
    )
    paid_at = func.coalesce(Order.closed_at, Order.created_at)
    mine = (
        select(Order, Plan)
        .outerjoin(Plan, OF_THE_ORDER)
        .where(
            Order.vendor_id == vendor_id,
            Order.state == "paid",
            Order.stripe_id != "",
            paid_at < late,
            ~has_unit.exists(),
            ~settled.exists(),
        )
    )
    for order, plan in db.session.execute(mine):
        amount_minor, currency = _worth(order, plan)
        yield Found(
            CHARGED,
            order.stripe_id,
            purchase=order.stripe_id,
            stripe={"paid": True, "checkout": order.session_id},
            ours={"keys": 0, "order": order.id},
            since=order.closed_at or order.created_at,
            customer_id=order.customer_id,
            amount_minor=amount_minor,
            currency=currency,
        )


def _events(vendor_id: int, late: datetime) -> Iterable[Found]:
    """Stripe told of money, and reading the purchase fails or does not get its turn.

    A purchase that we know needs no key made where it has one, is unclaimed or has ended; one that waits for its bank
    has completed its checkout long ago. The amount is that of a subscription stored before, or of the order.
    """
    is_it = and_(Purchase.vendor_id == StripeEvent.vendor_id, Purchase.stripe_id == StripeEvent.subject)
    needs_none = HAS_UNIT | Purchase.state.in_(("unclaimed", "ended"))
    is_settled = select(Purchase.stripe_id).where(is_it, needs_none).exists()
    is_known = select(Purchase.stripe_id).where(is_it).exists()
    stored = and_(Subscription.vendor_id == StripeEvent.vendor_id, Subscription.stripe_id == StripeEvent.subject)
    is_about = or_(Order.stripe_id == StripeEvent.subject, Order.session_id == StripeEvent.subject)
    mine = (
        select(StripeEvent, Subscription, Order, Plan)
        .outerjoin(Subscription, stored)
        .outerjoin(Order, and_(Order.vendor_id == StripeEvent.vendor_id, is_about))
        .outerjoin(Plan, OF_THE_ORDER)
        .where(
            StripeEvent.vendor_id == vendor_id,
            StripeEvent.state.in_(("received", "parked")),
            StripeEvent.received_at < late,
            StripeEvent.type.in_(MONEY_CAME),
            StripeEvent.subject != "",
            ~is_settled,
            or_(StripeEvent.type != COMPLETED, ~is_known),
        )
    )
    for event, subscription, order, plan in db.session.execute(mine.order_by(StripeEvent.id)):
        if event.subject.startswith(PURCHASES):
            yield _of_event(event, subscription, order, plan)


def _of_event(event: StripeEvent, subscription: Subscription | None, order: Order | None, plan: Plan | None) -> Found:
    amount_minor, currency = _worth(order, plan)
    if subscription is not None and subscription.amount_minor is not None:
        amount_minor, currency = subscription.amount_minor, subscription.currency
    whose = subscription.customer_id if subscription else None
    return Found(
        CHARGED,
        event.subject,
        purchase=event.subject,
        stripe={"event": event.type},
        ours={"keys": 0, "state": "not read since"},
        since=event.received_at,
        customer_id=whose or (order.customer_id if order else None),
        amount_minor=amount_minor,
        currency=currency,
    )


def _worth(order: Order | None, plan: Plan | None) -> tuple[int | None, str]:
    """Amount and currency of an order, as its plan says; None where Stripe computes it, or the plan is not known."""
    if order is None or plan is None:
        return None, ""
    return (None if plan.amount_minor is None else plan.amount_minor * order.quantity), plan.currency


def _over(vendor_id: int, keyless: set[str], parked: set[str], unclear: set[str]) -> list[int]:
    """Open findings that our tables refute: the key is there, the event worked off or no longer parked, the purchase
    clear.
    """
    mine = select(Finding).where(
        Finding.vendor_id == vendor_id, Finding.state == ledger.OPEN, Finding.kind.in_((CHARGED, "lookup_failed"))
    )
    findings = list(db.session.scalars(mine))
    subjects = [finding.subject for finding in findings if finding.kind == CHARGED]
    settled = local.served(vendor_id, subjects)
    over = []
    for one in findings:
        shown = json.loads(one.evidence)["stripe"]
        now = {"event": keyless} if one.kind == CHARGED else {"event_id": parked, "unclear": unclear}
        is_refuted = any(name in shown and one.subject not in subjects for name, subjects in now.items())
        if is_refuted or (one.kind == CHARGED and one.subject in settled):
            over.append(one.id)
    return over


def _try_again(vendor_id: int) -> None:
    """Read every charged purchase without a key once more; the ordinary way makes the key."""
    mine = select(Finding.subject).where(
        Finding.vendor_id == vendor_id, Finding.state == ledger.OPEN, Finding.kind == CHARGED
    )
    sweeps.queue_ensure(vendor_id, db.session.scalars(mine))
