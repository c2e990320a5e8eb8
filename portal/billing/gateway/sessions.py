"""Checkouts as a frozen dataclass of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.billing.gateway.objects import BoughtItem, CustomerRead, read_customer, read_item
from portal.billing.gateway.values import identifier, mapping, metadata, moment, whole

Document = dict[str, Any]


@dataclass(frozen=True)
class SessionRead:
    """A checkout. payment_status: paid, unpaid or no_payment_required. reference: what the link or we called it.

    mode: payment, subscription or setup. url: the page to pay on while it is open; a bearer secret.
    """

    id: str
    status: str
    payment_status: str
    livemode: bool
    subscription_id: str
    customer_id: str
    customer: CustomerRead | None
    email: str
    reference: str
    metadata: dict[str, str]
    items: tuple[BoughtItem, ...]
    amount_minor: int | None
    currency: str
    payment: Document = field(default_factory=dict, repr=False)
    url: str = field(default="", repr=False)
    mode: str = ""
    invoice_id: str = ""
    created_at: datetime | None = None
    has_all_items: bool = True
    name: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether the bank that was waited for did not pay; known where the payment was asked for too."""
        return self.payment_status == "unpaid" and self.payment.get("status") in ("requires_payment_method", "canceled")


def read_session(found: Document) -> SessionRead:
    """A checkout session; line items, customer and payment as far as they were asked for."""
    customer = found.get("customer")
    details, listed = mapping(found.get("customer_details")), mapping(found.get("line_items"))
    return SessionRead(
        id=found["id"],
        status=str(found.get("status") or ""),
        payment_status=str(found.get("payment_status") or ""),
        livemode=bool(found.get("livemode")),
        subscription_id=identifier(found.get("subscription")),
        customer_id=identifier(customer),
        customer=read_customer(customer) if isinstance(customer, dict) else None,
        email=str(details.get("email") or found.get("customer_email") or ""),
        reference=str(found.get("client_reference_id") or ""),
        metadata=metadata(found),
        items=tuple(read_item(item, {}) for item in listed.get("data") or []),
        amount_minor=whole(found.get("amount_total")),
        currency=str(found.get("currency") or ""),
        payment=dict(mapping(found.get("payment_intent"))),
        url=str(found.get("url") or ""),
        mode=str(found.get("mode") or ""),
        invoice_id=identifier(found.get("invoice")),
        created_at=moment(found.get("created")),
        has_all_items=not listed.get("has_more"),
        name=str(details.get("name") or ""),
    )
