"""A subscription from Stripe's list as the facts that fulfillment knows: what a list can tell, and no more."""

from __future__ import annotations

from datetime import datetime

from portal.billing import gateway
from portal.fulfillment import states
from portal.fulfillment.facts import Facts, Line
from portal.fulfillment.reading import FREE_WHILE_PAUSED

RUNS = ("active", "trialing")


def facts_of(
    found: gateway.PurchaseRead,
    products: dict[str, gateway.ProductRead],
    customers: dict[str, gateway.CustomerRead],
    fetched_at: datetime,
) -> Facts:
    """The facts as far as the list goes: it does not tell of refunds, nor what was paid before the latest invoice."""
    subscription, invoice = found.subscription, found.latest_invoice
    state, customer = states.of_subscription(subscription.status), customers.get(subscription.customer_id)
    is_paid = _is_paid(found)
    return Facts(
        stripe_id=subscription.id,
        livemode=subscription.livemode,
        status=subscription.status,
        effect=state.effect,
        because=state.because,
        fetched_at=fetched_at,
        stripe_customer_id=subscription.customer_id,
        email=customer.email if customer else "",
        metadata=subscription.metadata,
        customer_metadata=customer.metadata if customer else {},
        lines=tuple(_line(item, products, is_paid) for item in found.items),
        amount_minor=invoice.amount_paid if invoice and invoice.amount_paid else subscription.amount_minor,
        currency=subscription.currency,
        purchase=found,
    )


def needs_a_closer_look(found: gateway.PurchaseRead) -> bool:
    """Whether the list cannot tell what was paid, although something may have been."""
    status = found.subscription.status
    return not _is_paid(found) and states.of_subscription(status).effect not in (states.WAIT, states.END)


def _is_paid(found: gateway.PurchaseRead) -> bool:
    invoice = found.latest_invoice
    is_free = found.collects == FREE_WHILE_PAUSED
    if found.subscription.status == "trialing":
        return True
    is_settled = invoice is None or (invoice.status == "paid" and bool(invoice.whole_periods))
    return found.subscription.status in RUNS and (is_settled or is_free)


def _line(item: gateway.BoughtItem, products: dict[str, gateway.ProductRead], is_paid: bool) -> Line:
    product = products.get(item.product_id)
    return Line(
        source=item.id,
        price_id=item.price_id,
        product=product.metadata.get("skm_product_id", "") if product else "",
        plan=item.price_metadata.get("skm", ""),
        quantity=item.quantity,
        paid_until=item.period_end if is_paid else None,
        is_paid=is_paid,
    )
