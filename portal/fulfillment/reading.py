"""Read Stripe: one purchase, freshly, with no transaction open. Events only say where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal import clock
from portal.billing import gateway
from portal.fulfillment import states
from portal.fulfillment.facts import Facts, Line
from portal.vendors.switches import Switches

FREE_WHILE_PAUSED = "mark_uncollectible"  # Stripe's documentation: "offer services for free"


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
    if subject.startswith("sub_"):
        return (subject,)
    if subject.startswith("cs_"):
        session, _payments_of_it = gateway.retrieve_session(source.connection, subject)
        return (session.subscription_id or session.id,)
    if subject.startswith("pi_"):
        sessions = gateway.list_sessions(source.connection, payment_intent=subject)
        once = tuple(session.id for session in sessions if not session.subscription_id)
        return once or tuple(gateway.subscriptions_paid_by(source.connection, subject))
    if subject.startswith("cus_"):
        return tuple(gateway.list_subscription_ids(source.connection, customer=subject))
    return ()


def read(source: Source, stripe_id: str) -> Facts | None:
    """A purchase as it is now; None when Stripe does not know it. Raises the gateway's errors."""
    try:
        return _checkout(source, stripe_id) if stripe_id.startswith("cs_") else _subscription(source, stripe_id)
    except gateway.NoSuchPurchase:
        return None


def _subscription(source: Source, stripe_id: str) -> Facts:
    fetched_at = clock.now()
    found = gateway.retrieve_subscription(source.connection, stripe_id)
    subscription, invoice = found.subscription, found.latest_invoice
    last_paid, ends = _paid(source, found)
    payments = _payments(source, last_paid)
    state = states.after_the_money(states.of_subscription(subscription.status), payments, source.switches)
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
        lines=tuple(_line(item, ends) for item in found.items),
        amount_minor=invoice.amount_paid if invoice else subscription.amount_minor,
        currency=subscription.currency,
        invoice_id=invoice.id if invoice else "",
        session_metadata=_session_metadata(source, found),
        purchase=found,
    )


def _checkout(source: Source, stripe_id: str) -> Facts:
    """A payment that happens once; its keys end after the plan's Period, or never."""
    fetched_at = clock.now()
    session, payments = gateway.retrieve_session(source.connection, stripe_id)
    state = states.after_the_money(states.of_payment(session.payment_status), payments, source.switches)
    is_paid = session.status == "complete" and session.payment_status in ("paid", "no_payment_required")
    ends: dict[str, datetime | None] = {item.id: None for item in session.items if is_paid}
    return Facts(
        stripe_id=session.id,
        livemode=session.livemode,
        status=session.payment_status if session.status == "complete" else session.status,
        effect=state.effect,
        because=state.because,
        fetched_at=fetched_at,
        stripe_customer_id=session.customer_id,
        email=session.email,
        metadata=session.metadata,
        customer_metadata=session.customer.metadata if session.customer else {},
        lines=tuple(_line(item, ends) for item in session.items),
        amount_minor=session.amount_minor,
        currency=session.currency,
        is_refused=session.is_refused,
    )


def _session_metadata(source: Source, found: gateway.PurchaseRead) -> dict[str, str]:
    """What the checkout of a subscription says, where nothing nearer names the customer."""
    nearer = (found.subscription.metadata, found.customer.metadata if found.customer else {})
    if any("skm_customer_id" in metadata for metadata in nearer):
        return {}
    try:
        sessions = gateway.list_sessions(source.connection, subscription=found.subscription.id)
    except (gateway.KeyRefused, gateway.Refused):
        return {}
    return sessions[0].metadata if sessions else {}


def _paid(source: Source, found: gateway.PurchaseRead) -> tuple[gateway.InvoiceRead | None, dict[str, datetime | None]]:
    """The last paid invoice, and until when each item is paid; items that were never paid for are left out."""
    invoice, status = found.latest_invoice, found.subscription.status
    is_free = found.collects == FREE_WHILE_PAUSED
    if status in ("active", "trialing") and (invoice is None or invoice.status == "paid" or is_free):
        return invoice, {item.id: item.period_end for item in found.items}
    if status == "trialing":
        return None, {item.id: item.period_end for item in found.items}
    invoices = gateway.list_paid_invoices(source.connection, found.subscription.id)
    ends: dict[str, datetime | None] = {}
    for paid in invoices:
        for item, end in paid.periods.items():
            ends[item] = max(end, ends.get(item) or end)
    return (invoices[0] if invoices else None), ends


def _payments(source: Source, invoice: gateway.InvoiceRead | None) -> Sequence[gateway.PaymentRead]:
    """What paid an invoice; nothing where the key may not ask, because not knowing takes nothing away."""
    if invoice is None or invoice.amount_paid <= 0:
        return ()
    try:
        return gateway.list_payments(source.connection, invoice.id)
    except (gateway.KeyRefused, gateway.Refused):
        return ()


def _line(item: gateway.BoughtItem, ends: dict[str, datetime | None]) -> Line:
    return Line(
        source=item.id,
        price_id=item.price_id,
        product=item.product_metadata.get("skm_product_id", ""),
        plan=item.price_metadata.get("skm", ""),
        quantity=item.quantity,
        paid_until=ends.get(item.id),
        is_paid=item.id in ends,
    )
