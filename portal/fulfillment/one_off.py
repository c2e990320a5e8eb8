"""Payments that happen once, as facts: a checkout, or an invoice without a subscription.

Their keys end after the plan's Period, counted from the moment they are made, or never.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from portal.billing import gateway
from portal.fulfillment import states
from portal.fulfillment.facts import Facts, Line
from portal.vendors.switches import Switches

PAID = ("paid", "no_payment_required")


def facts_of_session(
    session: gateway.SessionRead,
    payments: Sequence[gateway.PaymentRead],
    switches: Switches,
    fetched_at: datetime,
) -> Facts:
    """A checkout."""
    state = states.after_the_money(states.of_payment(session.payment_status), payments, switches)
    is_paid = session.status == "complete" and session.payment_status in PAID
    return Facts(
        stripe_id=session.id,
        livemode=session.livemode,
        status=session.payment_status if session.status == "complete" else session.status,
        effect=state.effect if session.status == "complete" else states.WAIT,
        because=state.because,
        fetched_at=fetched_at,
        stripe_customer_id=session.customer_id,
        email=session.email,
        metadata=session.metadata,
        customer_metadata=session.customer.metadata if session.customer else {},
        lines=_lines(session.items, is_paid=is_paid),
        amount_minor=session.amount_minor,
        currency=session.currency,
        reference=session.reference,
        is_refused=session.is_refused,
        bought_at=session.created_at,
        is_complete=session.has_all_items,
        name=session.name,
    )


def facts_of_invoice(
    invoice: gateway.OneOffRead,
    payments: Sequence[gateway.PaymentRead],
    switches: Switches,
    fetched_at: datetime,
) -> Facts:
    """An invoice, paid by card or out of band."""
    state = states.after_the_money(states.of_invoice(invoice.status), payments, switches)
    return Facts(
        stripe_id=invoice.id,
        livemode=invoice.livemode,
        status=invoice.status,
        effect=state.effect,
        because=state.because,
        fetched_at=fetched_at,
        stripe_customer_id=invoice.customer_id,
        email=invoice.email,
        metadata=invoice.metadata,
        customer_metadata=invoice.customer.metadata if invoice.customer else {},
        lines=_lines(invoice.items, is_paid=invoice.status == "paid"),
        amount_minor=invoice.amount_paid,
        currency=invoice.currency,
        session_metadata=invoice.carried,
        bought_at=invoice.paid_at,
        name=invoice.name,
    )


def _lines(items: Sequence[gateway.BoughtItem], *, is_paid: bool) -> tuple[Line, ...]:
    ends: dict[str, datetime | None] = {item.id: None for item in items if is_paid}
    return tuple(line_of(item, ends) for item in items)


def line_of(item: gateway.BoughtItem, ends: Mapping[str, datetime | None]) -> Line:
    """An item as a line. ends: until when each paid item is paid; None for good."""
    return Line(
        source=item.id,
        price_id=item.price_id,
        product=item.product_metadata.get("skm_product_id", ""),
        plan=item.price_metadata.get("skm", ""),
        quantity=item.quantity,
        paid_until=ends.get(item.id),
        is_paid=item.id in ends,
        is_certain=item.has_quantity,
    )
