"""The lines of invoices: what is charged, for which time."""

from dataclasses import dataclass

from portal.sandbox import ids
from portal.sandbox.ledger import Document, Ledger


@dataclass(frozen=True)
class Line:
    """One line of an invoice; amount in the currency's smallest unit. item: of the subscription; None: sold once."""

    item: str | None
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


def line_once(item: Document, price: Document, now: int) -> Line:
    """The line for something that is sold once."""
    return Line(None, price, item["quantity"], item["amount_total"], now, now, item["description"])


def _parent(line: Line, terms: Document) -> Document:
    if line.item is None:
        details = {
            "invoice_item": ids.new_id("invoiceitem"),
            "proration": False,
            "proration_details": None,
            "subscription": terms.get("id"),
        }
        return {
            "invoice_item_details": details,
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": line.is_proration,
            "proration_details": None,
            "subscription": terms["id"],
            "subscription_item": line.item,
        },
        "type": "subscription_item_details",
    }


def document_of(line: Line, invoice_id: str, terms: Document) -> Document:
    """The line as it stands in an invoice. terms: the subscription, or the same fields of a sale without one."""
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
        "metadata": terms["metadata"],
        "parent": _parent(line, terms),
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
