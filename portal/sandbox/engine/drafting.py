"""Invoices written by hand, as in Stripe's dashboard: drafts, their items, and finishing them."""

from typing import Any

from portal.sandbox.engine import billed, invoicing
from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document, Ledger

NOT_FINAL: Document = {
    "effective_at": None,
    "hosted_invoice_url": None,
    "number": None,
    "status_transitions": dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
}


def new_draft(ledger: Ledger, customer: Document, given: dict[str, Any]) -> Document:
    """An invoice without lines, which nobody is asked to pay yet. given: currency, collection_method, metadata, …"""
    terms = {
        "collection_method": given.get("collection_method") or "charge_automatically",
        "currency": given.get("currency") or customer["currency"] or "usd",
        "days_until_due": given.get("days_until_due"),
        "metadata": given.get("metadata") or {},
    }
    return invoicing.issue_to(
        ledger,
        customer,
        terms,
        [],
        "manual",
        description=given.get("description"),
        metadata=terms["metadata"],
        status="draft",
        **NOT_FINAL,
    )


def add_item(ledger: Ledger, invoice: Document, price: Document, quantity: int, name: str, amount: int) -> Document:
    """One more line on a draft; returns the invoice item. Raises StripeError."""
    if invoice["status"] != "draft":
        raise StripeError("You can only add invoice items to draft invoices.", param="invoice")
    if price["currency"] != invoice["currency"]:
        raise StripeError(f"The invoice is in {invoice['currency']}.", param="currency")
    line = billed.Line(None, price, quantity, amount, ledger.now, ledger.now, name)
    document = billed.document_of(line, invoice["id"], {"metadata": invoice["metadata"]})
    total = invoice["total"] + amount
    data = [*invoice["lines"]["data"], document]
    sums = dict.fromkeys(("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"), total)
    left = max(0, total + invoice["starting_balance"])
    ledger.save(
        invoice | sums | {"amount_due": left, "amount_remaining": left, "lines": invoice["lines"] | {"data": data}}
    )
    return ledger.add("invoiceitem", _item(document, invoice, quantity, ledger.now))


def _item(line: Document, invoice: Document, quantity: int, now: int) -> Document:
    return {
        "id": line["parent"]["invoice_item_details"]["invoice_item"],
        "amount": line["amount"],
        "currency": line["currency"],
        "customer": invoice["customer"],
        "date": now,
        "description": line["description"],
        "discountable": True,
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": line["period"],
        "pricing": line["pricing"],
        "proration": False,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": [],
        "test_clock": None,
    }


def finalize(ledger: Ledger, invoice: Document) -> Document:
    """Open a draft; one over nothing is paid at once. Raises StripeError."""
    if invoice["status"] != "draft":
        raise StripeError("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    url = f"{ledger.public_url}/i/{ledger.account}/{invoice['id']}"
    customer = ledger.get("customer", invoice["customer"], "customer")
    sequence = customer["next_invoice_sequence"]
    number = invoice["number"] or f"{customer['invoice_prefix']}-{sequence:04d}"
    if not invoice["number"]:
        ledger.save(customer | {"next_invoice_sequence": sequence + 1})
    moments = invoice["status_transitions"] | {"finalized_at": ledger.now}
    invoice |= {
        "effective_at": ledger.now,
        "hosted_invoice_url": url,
        "number": number,
        "status": "open",
        "status_transitions": moments,
    }
    ledger.save(invoice)
    if not invoice["amount_due"]:
        invoicing.mark_paid(ledger, invoice)
    return invoice
