"""Read Stripe: one purchase, freshly, with no transaction open. Events only say where to look."""

from __future__ import annotations

from dataclasses import dataclass, replace

from portal import clock
from portal.billing import gateway
from portal.fulfillment import changing, one_off, paying, states
from portal.fulfillment.facts import Facts
from portal.fulfillment.paying import FREE_WHILE_PAUSED
from portal.vendors.switches import Switches

__all__ = ["FREE_WHILE_PAUSED", "Source", "get", "purchases_of", "read"]


@dataclass(frozen=True)
class Source:
    """Where a vendor's purchases are read, and under which policies."""

    vendor_id: int
    connection: gateway.Connection
    switches: Switches


def purchases_of(source: Source, subject: str) -> tuple[str, ...]:
    """The purchases that the subject of an event is about; none where Stripe does not know it any more.

    Raises the gateway's other errors.
    """
    try:
        return _behind(source, subject)
    except (gateway.NoSuchPurchase, gateway.NoSuchCustomer):
        return ()


def _behind(source: Source, subject: str) -> tuple[str, ...]:
    connection = source.connection
    if subject.startswith(("sub_", "cs_", "in_")):
        return (subject,)
    if subject.startswith("pi_"):
        sessions = gateway.list_sessions(connection, payment_intent=subject)
        once = tuple(session.id for session in sessions if not session.subscription_id)
        return once or tuple(gateway.purchases_paid_by(connection, subject))
    if subject.startswith("cus_"):
        return tuple(gateway.list_subscription_ids(connection, customer=subject))
    return ()


def read(source: Source, stripe_id: str) -> Facts | None:
    """As `get`, and None when Stripe does not know it."""
    try:
        return get(source, stripe_id)
    except gateway.NoSuchPurchase:
        return None


def get(source: Source, stripe_id: str) -> Facts | None:
    """A purchase as it is now; None when nothing is sold by it, or not yet. Raises NoSuchPurchase and the other errors.

    What belongs to another purchase is read there: a checkout of a subscription, an invoice of either, so that nothing
    is served twice.
    """
    if stripe_id.startswith("in_"):
        return _invoice(source, stripe_id)
    if stripe_id.startswith("cs_"):
        return _checkout(source, stripe_id)
    return _subscription(source, stripe_id)


def _invoice(source: Source, stripe_id: str) -> Facts | None:
    fetched_at = clock.now()
    invoice = gateway.retrieve_invoice(source.connection, stripe_id)
    if invoice.subscription_id and not invoice.items:
        return _subscription(source, invoice.subscription_id)
    may_have_one = invoice.status == "paid" and not invoice.subscription_id
    session = gateway.session_of_invoice(source.connection, invoice) if may_have_one else None
    if session is not None:
        return _checkout(source, session.id)
    payments = paying.payments_of(source.connection, invoice.id, invoice.amount_paid)
    return one_off.facts_of_invoice(invoice, payments, source.switches, fetched_at)


def _checkout(source: Source, stripe_id: str) -> Facts | None:
    fetched_at = clock.now()
    session, payments = gateway.retrieve_session(source.connection, stripe_id)
    if session.subscription_id:
        return _subscription(source, session.subscription_id)
    if session.mode == "setup" or (session.mode == "subscription" and session.status == "complete"):
        return None
    return one_off.facts_of_session(session, payments, source.switches, fetched_at)


def _subscription(source: Source, stripe_id: str) -> Facts:
    connection, fetched_at = source.connection, clock.now()
    found = gateway.retrieve_subscription(connection, stripe_id)
    subscription, invoice = found.subscription, found.latest_invoice
    bills = paying.open_account(connection, found)
    last_paid, ends = paying.paid_until(found, bills)
    payments = paying.payments_of_period(connection, subscription.id, last_paid)
    state = states.after_the_money(states.of_subscription(subscription.status), payments, source.switches)
    items, left = changing.standing(connection, found.items, bills), paying.left_behind(connection, found, bills, ends)
    gone = [replace(one_off.line_of(item, ends), is_gone=True) for item in left]
    session = _session_behind(source, found)
    return Facts(
        stripe_id=subscription.id,
        livemode=subscription.livemode,
        status=subscription.status,
        effect=state.effect,
        because=state.because,
        fetched_at=fetched_at,
        stripe_customer_id=subscription.customer_id,
        email=found.customer.email if found.customer else "",
        metadata=subscription.metadata,
        customer_metadata=found.customer.metadata if found.customer else {},
        lines=(*[one_off.line_of(item, ends) for item in items], *gone),
        amount_minor=invoice.amount_paid if invoice else subscription.amount_minor,
        currency=subscription.currency,
        invoice_id=invoice.id if invoice else "",
        session_metadata=session.metadata if session else {},
        reference=session.reference if session else "",
        purchase=found,
        bought_at=subscription.created_at,
        sold_beside=paying.sold_beside(found, bills),
        name=found.customer.name if found.customer else "",
    )


def _session_behind(source: Source, found: gateway.PurchaseRead) -> gateway.SessionRead | None:
    """The checkout of a subscription, where nothing nearer names the customer."""
    nearer = (found.subscription.metadata, found.customer.metadata if found.customer else {})
    if any("skm_customer_id" in metadata for metadata in nearer):
        return None
    try:
        sessions = gateway.list_sessions(source.connection, subscription=found.subscription.id)
    except (gateway.KeyRefused, gateway.Refused):
        return None
    return sessions[0] if sessions else None
