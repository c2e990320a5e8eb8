"""Events as older API versions wrote them: fields that were moved or removed since.

Each line of the tables names the version that made the change and where Stripe says so:

2025-03-31.basil (docs.stripe.com/changelog/basil/2025-03-31/…)
- `deprecate-subscription-current-period-start-and-end`: `subscription.current_period_start`, `…_end` went to the items
- `adds-new-parent-field-to-invoicing-objects`: `invoice.subscription`, `invoice.subscription_details`, and on lines
  `subscription`, `subscription_item`, `proration`, `price`, went into `parent` and `pricing`
- `add-support-for-multiple-partial-payments-on-invoices`: `invoice.payment_intent`, `invoice.charge`, `invoice.paid`,
  `invoice.paid_out_of_band` and `invoice` on charge and payment intent gave way to invoice payments
2025-06-30.basil (…/billing-mode): `subscription.billing_mode` appeared
2026-03-25.dahlia (…/checkout ui_mode renames): `hosted` became `hosted_page`
"""

from collections.abc import Callable

from portal.sandbox.ledger import Document, Ledger

BASIL = "2025-03-31.basil"
BILLING_MODE = "2025-06-30.basil"
DAHLIA = "2026-03-25.dahlia"


def event_in(ledger: Ledger, event: Document, version: str) -> Document:
    """The event as an endpoint of this API version receives it."""
    shaped = event | {"api_version": version}
    found = event["data"]["object"]
    for until, kind, reshape in CHANGES:
        if version < until and found.get("object") == kind and not found.get("deleted"):
            found = reshape(ledger, found)
    return shaped | {"data": event["data"] | {"object": found}}


def _without(document: Document, *names: str) -> Document:
    return {name: value for name, value in document.items() if name not in names}


def _subscription(ledger: Ledger, document: Document) -> Document:
    items = document["items"]["data"]
    older = [_without(item, "current_period_start", "current_period_end") for item in items]
    return document | {
        "current_period_end": min(item["current_period_end"] for item in items),
        "current_period_start": min(item["current_period_start"] for item in items),
        "items": document["items"] | {"data": older, "total_count": len(older)},
    }


def _no_billing_mode(ledger: Ledger, document: Document) -> Document:
    return _without(document, "billing_mode")


def _invoice(ledger: Ledger, document: Document) -> Document:
    details = (document["parent"] or {}).get("subscription_details") or {}
    payments = ledger.all("invoice_payment", invoice=document["id"])
    intent = payments[0]["payment"]["payment_intent"] if payments else None
    charge = (ledger.find("payment_intent", intent) or {}).get("latest_charge") if intent else None
    lines = [_line(line, details.get("subscription")) for line in document["lines"]["data"]]
    return _without(document, "parent", "amount_overpaid", "amount_paid_off_stripe") | {
        "charge": charge,
        "lines": document["lines"] | {"data": lines, "total_count": len(lines)},
        "paid": document["status"] == "paid",
        "paid_out_of_band": document["status"] == "paid" and bool(document["amount_due"]) and not payments,
        "payment_intent": intent,
        "quote": None,
        "subscription": details.get("subscription"),
        "subscription_details": {"metadata": details.get("metadata")},
    }


def _line(line: Document, subscription: str | None) -> Document:
    parent = (line["parent"] or {}).get("subscription_item_details") or {}
    price = line["pricing"]["price_details"] if line["pricing"] else None
    return _without(line, "parent", "pricing", "taxes") | {
        "price": price and {"id": price["price"], "object": "price", "product": price["product"]},
        "proration": parent.get("proration", False),
        "subscription": subscription,
        "subscription_item": parent.get("subscription_item"),
        "type": "subscription" if parent else "invoiceitem",
    }


def _payment(ledger: Ledger, document: Document) -> Document:
    intent = document["id"] if document["object"] == "payment_intent" else document["payment_intent"]
    found = ledger.all("invoice_payment", **{"payment.payment_intent": intent}) if intent else []
    return document | {"invoice": found[0]["invoice"] if found else None}


def _checkout(ledger: Ledger, document: Document) -> Document:
    return document | {"ui_mode": "hosted"}


# A version older than the first entry gets objects of this kind reshaped.
CHANGES: list[tuple[str, str, Callable[[Ledger, Document], Document]]] = [
    (DAHLIA, "checkout.session", _checkout),
    (BILLING_MODE, "subscription", _no_billing_mode),
    (BASIL, "subscription", _subscription),
    (BASIL, "invoice", _invoice),
    (BASIL, "charge", _payment),
    (BASIL, "payment_intent", _payment),
]
