"""What Stripe says about one purchase, reduced to what decides about keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from portal.billing import gateway


@dataclass(frozen=True)
class Line:
    """One licensed or unlicensed item.

    product: `skm_product_id` as it stands there. plan: the price's `skm`. paid_until: None while nothing was paid, and
    for payments that happen once. is_certain: Stripe said the quantity; where it did not, one is assumed and nothing
    taken away. is_gone: the item was paid for, and replaced by one whose payment is open.
    """

    source: str
    price_id: str
    product: str
    plan: str
    quantity: int
    paid_until: datetime | None
    is_paid: bool
    is_certain: bool = True
    is_gone: bool = False


@dataclass(frozen=True)
class Facts:
    """A purchase as it was read at `fetched_at`. effect: see `states`. because: why a key is to be blocked.

    session_metadata, reference: of the checkout or subscription it came from, if any; purchase: the subscription, if it
    is one. sold_beside: its paid invoices that may sell something else, once.
    is_refused: the bank that a checkout waited for did not pay. bought_at: None where Stripe did not say. is_complete:
    all lines are here.
    """

    stripe_id: str
    livemode: bool
    status: str
    effect: str
    because: str
    fetched_at: datetime
    stripe_customer_id: str
    email: str
    metadata: dict[str, str]
    customer_metadata: dict[str, str]
    lines: tuple[Line, ...]
    amount_minor: int | None
    currency: str
    invoice_id: str = ""
    session_metadata: dict[str, str] = field(default_factory=dict)
    purchase: gateway.PurchaseRead | None = field(default=None, repr=False)
    is_refused: bool = False
    reference: str = ""
    bought_at: datetime | None = None
    is_complete: bool = True
    sold_beside: tuple[str, ...] = ()
    name: str = ""

    @property
    def is_paid(self) -> bool:
        """Whether anything was paid for (a trial and a price of nothing count)."""
        return any(line.is_paid for line in self.lines)

    @property
    def is_being_replaced(self) -> bool:
        """Whether an item waits for its payment: what is gone may be what it replaced, and stands until then."""
        return any(not line.is_paid for line in self.lines)

    @property
    def has_all_lines(self) -> bool:
        """Whether an item that is not among the lines is gone for certain."""
        is_cut = not self.is_complete or (self.purchase is not None and not self.purchase.has_all_items)
        return bool(self.lines) and not is_cut and all(line.source for line in self.lines)
