"""Invoices: made from lines, paid from the card, and what payment does to the subscription."""

from dataclasses import dataclass

from portal.sandbox import ids
from portal.sandbox.engine import blanks, cards, due
from portal.sandbox.ledger import Document, Ledger


@dataclass(frozen=True)
class Line:
    """One line of an invoice; amount in the currency's smallest unit."""

    item: str
    price: Document
    quantity: int
    amount: int
    start: int
    end: int
    description: str
    is_proration: bool = False


def line_for(ledger: Ledger, item: Document, *, free: bool = False) -> Line:
    """The line for an item's current period; free: a trial."""
    price = ledger.get("price", item["price"], "price")
    product = ledger.find("product", price["product"]) or {}
    label = product.get("name", price["product"])
    return Line(
        item["id"],
        price,
        item["quantity"],
        0 if free else price["unit_amount"] * item["quantity"],
        item["current_period_start"],
        item["current_period_end"],
        f"Trial period for {label}" if free else f"{item['quantity']} × {label}",
    )


def issue(ledger: Ledger, subscription: Document, lines: list[Line], reason: str) -> Document:
    """Make the invoice, final and open, and point the subscription at it. It is not paid yet."""
    customer = ledger.get("customer", subscription["customer"], "customer")
    invoice_id = ids.new_id("invoice")
    total = sum(line.amount for line in lines)
    credit = min(0, customer["balance"])
    amount_due = max(0, total + credit)
    ending = min(0, total + credit)
    invoice = ledger.add(
        "invoice",
        _blank(ledger, subscription, customer)
        | {
            "id": invoice_id,
            "amount_due": amount_due,
            "amount_remaining": amount_due,
            "billing_reason": reason,
            "ending_balance": ending,
            "hosted_invoice_url": f"{ledger.public_url}/i/{ledger.account}/{invoice_id}",
            "lines": {
                "object": "list",
                "data": [_line(line, invoice_id, subscription) for line in lines],
                "has_more": False,
                "url": f"/v1/invoices/{invoice_id}/lines",
            },
            "number": f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}",
            "period_end": max(line.end for line in lines),
            "period_start": min(line.start for line in lines),
            "starting_balance": credit,
            **dict.fromkeys(("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"), total),
        },
    )
    customer |= {
        "balance": ending if credit or ending else customer["balance"],
        "currency": customer["currency"] or subscription["currency"],
        "next_invoice_sequence": customer["next_invoice_sequence"] + 1,
    }
    ledger.save(customer)
    subscription["latest_invoice"] = invoice_id
    return invoice


def settle(ledger: Ledger, invoice: Document, *, out_of_band: bool = False, method: Document | None = None) -> bool:
    """Try to collect an open invoice now. Returns whether it is paid."""
    subscription_id = invoice["parent"]["subscription_details"]["subscription"]
    subscription = ledger.get("subscription", subscription_id, "subscription")
    customer = ledger.get("customer", invoice["customer"], "customer")
    method = method or cards.paying_method(ledger, customer, subscription["default_payment_method"])
    paid = out_of_band or invoice["amount_due"] == 0 or cards.charge(method)
    tried = invoice["amount_due"] > 0 and not out_of_band
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + tried}
    if paid:
        invoice |= {
            "amount_paid": invoice["amount_due"],
            "amount_remaining": 0,
            "next_payment_attempt": None,
            "status": "paid",
            "status_transitions": invoice["status_transitions"] | {"paid_at": ledger.now},
        }
    ledger.save(invoice)
    return paid


def revive(ledger: Ledger, subscription: Document) -> None:
    """A subscription that owes nothing any more is active again."""
    owed = ledger.all("invoice", status="open", **{"parent.subscription_details.subscription": subscription["id"]})
    if subscription["status"] in ("past_due", "incomplete", "unpaid") and not owed:
        due.save(ledger, subscription | {"status": "active"})


def _line(line: Line, invoice_id: str, subscription: Document) -> Document:
    return {
        "id": ids.new_id("line_item"),
        "object": "line_item",
        "amount": line.amount,
        "currency": line.price["currency"],
        "description": line.description,
        "discount_amounts": [],
        "discountable": not line.is_proration,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": line.is_proration,
                "proration_details": None,
                "subscription": subscription["id"],
                "subscription_item": line.item,
            },
            "type": "subscription_item_details",
        },
        "period": {"end": line.end, "start": line.start},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": line.price["id"], "product": line.price["product"]},
            "type": "price_details",
            "unit_amount_decimal": line.price["unit_amount_decimal"],
        },
        "quantity": line.quantity,
        "subtotal": line.amount,
        "taxes": [],
    }


def _blank(ledger: Ledger, subscription: Document, customer: Document) -> Document:
    """Everything of an invoice that does not depend on its lines."""
    by_mail = subscription["collection_method"] == "send_invoice"
    return blanks.INVOICE | {
        "collection_method": subscription["collection_method"],
        "currency": subscription["currency"],
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_tax_exempt": customer["tax_exempt"],
        "due_date": ledger.now + 86_400 * (subscription["days_until_due"] or 0) if by_mail else None,
        "effective_at": ledger.now,
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
            "type": "subscription_details",
        },
        "status_transitions": {
            "finalized_at": ledger.now,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
    }
