"""Invoices: made from lines, paid from the card, and what payment does to the subscription."""

from dataclasses import dataclass

from portal.sandbox import ids
from portal.sandbox.engine import blanks, cards, due, paying
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


def issue(ledger: Ledger, subscription: Document, lines: list[Line], reason: str) -> Document:
    """Make the invoice, final and open, and point the subscription at it. It is not paid yet."""
    customer = ledger.get("customer", subscription["customer"], "customer")
    invoice = issue_to(ledger, customer, subscription, lines, reason)
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def issue_to(
    ledger: Ledger, customer: Document, terms: Document, lines: list[Line], reason: str, **more: object
) -> Document:
    """Make an invoice, final and open. terms: the subscription, or the same fields of a sale without one."""
    invoice_id = ids.new_id("invoice")
    total = sum(line.amount for line in lines)
    credit = min(0, customer["balance"])
    amount_due = max(0, total + credit)
    ending = min(0, total + credit)
    invoice = ledger.add(
        "invoice",
        _blank(ledger, terms, customer)
        | {
            "id": invoice_id,
            "amount_due": amount_due,
            "amount_remaining": amount_due,
            "billing_reason": reason,
            "ending_balance": ending,
            "hosted_invoice_url": f"{ledger.public_url}/i/{ledger.account}/{invoice_id}",
            "lines": {
                "object": "list",
                "data": [_line(line, invoice_id, terms) for line in lines],
                "has_more": False,
                "url": f"/v1/invoices/{invoice_id}/lines",
            },
            "number": f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}",
            "period_end": max(line.end for line in lines),
            "period_start": min(line.start for line in lines),
            "starting_balance": credit,
            **dict.fromkeys(("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"), total),
            **more,
        },
    )
    customer |= {
        "balance": ending if credit or ending else customer["balance"],
        "currency": customer["currency"] or terms["currency"],
        "next_invoice_sequence": customer["next_invoice_sequence"] + 1,
    }
    ledger.save(customer)
    return invoice


def subscription_of(ledger: Ledger, invoice: Document) -> Document | None:
    """The subscription that the invoice is for, if any."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return ledger.get("subscription", details["subscription"], "subscription") if details else None


def settle(
    ledger: Ledger,
    invoice: Document,
    *,
    out_of_band: bool = False,
    method: Document | None = None,
    later: bool = False,
) -> bool:
    """Try to collect an open invoice now. Returns whether it is paid. later: its bank will answer in some days."""
    subscription = subscription_of(ledger, invoice)
    customer = ledger.get("customer", invoice["customer"], "customer")
    preferred = subscription["default_payment_method"] if subscription else None
    method = method or cards.paying_method(ledger, customer, preferred)
    tried = invoice["amount_due"] > 0 and not out_of_band
    paid = not tried
    if tried:
        intent = paying.attempt(ledger, paying.intent_for(ledger, invoice), method, later=later)
        paid = intent["status"] == "succeeded"
    if later and tried:
        return False
    invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + tried}
    if paid:
        mark_paid(ledger, invoice, out_of_band=out_of_band)
    else:
        ledger.save(invoice)
    return paid


def mark_paid(ledger: Ledger, invoice: Document, *, out_of_band: bool = False) -> None:
    """The money is there. Changes and keeps the invoice."""
    invoice |= {
        "amount_paid": invoice["amount_due"],
        "amount_paid_off_stripe": invoice["amount_due"] if out_of_band else 0,
        "amount_remaining": 0,
        "attempted": True,
        "next_payment_attempt": None,
        "status": "paid",
        "status_transitions": invoice["status_transitions"] | {"paid_at": ledger.now},
    }
    ledger.save(invoice)
    paying.close_payment(ledger, invoice, paid=not out_of_band)


def shelve(ledger: Ledger, invoice: Document, status: str) -> None:
    """Stop collecting: `draft`, `void` or `uncollectible`. Changes and keeps the invoice."""
    stamp = {"void": "voided_at", "uncollectible": "marked_uncollectible_at"}.get(status)
    moments = invoice["status_transitions"] | ({stamp: ledger.now} if stamp else {"finalized_at": None})
    invoice |= {"next_payment_attempt": None, "status": status, "status_transitions": moments}
    ledger.save(invoice)
    if status == "void":
        payment = paying.payment_of(ledger, invoice)
        if payment:
            intent = ledger.get("payment_intent", payment["payment"]["payment_intent"], "payment_intent")
            paying.cancel(ledger, intent, "void_invoice")
        paying.close_payment(ledger, invoice, paid=False)


def revive(ledger: Ledger, subscription: Document) -> None:
    """A subscription that owes nothing any more is active again."""
    owed = ledger.all("invoice", status="open", **{"parent.subscription_details.subscription": subscription["id"]})
    if subscription["status"] in ("past_due", "incomplete", "unpaid") and not owed:
        due.save(ledger, subscription | {"status": "active"})


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


def _line(line: Line, invoice_id: str, terms: Document) -> Document:
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


def _blank(ledger: Ledger, terms: Document, customer: Document) -> Document:
    """Everything of an invoice that does not depend on its lines."""
    by_mail = terms["collection_method"] == "send_invoice"
    return blanks.INVOICE | {
        "collection_method": terms["collection_method"],
        "currency": terms["currency"],
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_tax_exempt": customer["tax_exempt"],
        "due_date": ledger.now + 86_400 * (terms["days_until_due"] or 0) if by_mail else None,
        "effective_at": ledger.now,
        "parent": terms.get("id")
        and {
            "quote_details": None,
            "subscription_details": {"metadata": terms["metadata"], "subscription": terms["id"]},
            "type": "subscription_details",
        },
        "status_transitions": {
            "finalized_at": ledger.now,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
    }
