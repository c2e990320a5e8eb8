"""Invoices: made from lines, paid from the card, and what payment does to the subscription."""

from portal.sandbox import ids
from portal.sandbox.engine import blanks, cards, due, paying, pending
from portal.sandbox.engine.billed import Line, document_of
from portal.sandbox.ledger import Document, Ledger

RETRY_DAYS = (3, 5, 7)


def issue(ledger: Ledger, subscription: Document, lines: list[Line], reason: str) -> Document:
    """Make the invoice, final and open, and point the subscription at it. It is not paid yet."""
    customer = ledger.get("customer", subscription["customer"], "customer")
    invoice = issue_to(ledger, customer, subscription, lines, reason)
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def issue_to(
    ledger: Ledger, customer: Document, terms: Document, lines: list[Line], reason: str, **more: object
) -> Document:
    """Make an invoice, final and open. terms: the subscription, or the same fields of a sale without one.

    more: fields that are different.
    """
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
                "data": [document_of(line, invoice_id, terms) for line in lines],
                "has_more": False,
                "url": f"/v1/invoices/{invoice_id}/lines",
            },
            "number": f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}",
            "period_end": max((line.end for line in lines), default=ledger.now),
            "period_start": min((line.start for line in lines), default=ledger.now),
            "starting_balance": credit,
            **dict.fromkeys(("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"), total),
            **more,
        },
    )
    _charge_balance(ledger, customer, invoice)
    return invoice


def _charge_balance(ledger: Ledger, customer: Document, invoice: Document) -> None:
    """The customer's credit is used up by the invoice, or grows by it; a final invoice takes a number."""
    ending = invoice["ending_balance"]
    ledger.save(
        customer
        | {
            "balance": ending if invoice["starting_balance"] or ending else customer["balance"],
            "currency": customer["currency"] or invoice["currency"],
            "next_invoice_sequence": customer["next_invoice_sequence"] + (invoice["status"] != "draft"),
        }
    )


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
        save(ledger, invoice)
    return paid


def save(ledger: Ledger, invoice: Document) -> Document:
    """Keep an invoice and the moment of its next automatic try."""
    return ledger.save(invoice, invoice["next_payment_attempt"] if invoice["status"] == "open" else None)


def plan_retry(ledger: Ledger, invoice: Document) -> bool:
    """Try again in some days; False when it was tried often enough. Changes and keeps the invoice."""
    tried = max(1, invoice["attempt_count"])
    days = RETRY_DAYS[tried - 1] if tried <= len(RETRY_DAYS) else None
    invoice["next_payment_attempt"] = days and ledger.now + days * 86_400
    save(ledger, invoice)
    return days is not None


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
    if subscription["pending_update"] and not owed:
        subscription = pending.apply(ledger, subscription)
    if subscription["status"] in ("past_due", "incomplete", "unpaid") and not owed:
        due.save(ledger, subscription | {"status": "active"})


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
