"""Invoices: read, written by hand, paid, given up."""

from portal.sandbox.engine import drafting, invoicing
from portal.sandbox.errors import StripeError, card_declined
from portal.sandbox.expansion import present
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, answer_part, operation
from portal.sandbox.params import (
    choice,
    currency,
    flag,
    merged_metadata,
    metadata,
    moment_or_range,
    text,
    whole,
)

COLLECTION = choice("charge_automatically", "send_invoice")
FIELDS = {
    "auto_advance": flag,
    "collection_method": COLLECTION,
    "days_until_due": whole(0, 365),
    "description": text(1500),
    "metadata": metadata,
}


@operation(
    "POST",
    "/v1/invoices",
    FIELDS
    | {
        "currency": currency,
        "customer": text(clearable=False),
        "pending_invoice_items_behavior": choice("exclude", "include"),
    },
)
def create(call: Call) -> Document:
    """A draft without lines; add invoice items to it, then finalize it."""
    customer = call.ledger.get("customer", call.params.get("customer"), "customer")
    if call.params.get("collection_method") == "send_invoice" and "days_until_due" not in call.params:
        raise StripeError("You must pass `days_until_due` for `send_invoice`.", param="days_until_due")
    given = dict(call.params) | {"metadata": merged_metadata({}, call.params.get("metadata") or {})}
    return present(call.ledger, drafting.new_draft(call.ledger, customer, given))


@operation("GET", "/v1/invoices/<invoice>")
def retrieve(call: Call) -> Document:
    """One invoice with its first lines."""
    return present(call.ledger, _find(call))


@operation("GET", "/v1/invoices/<invoice>/lines", LIST_FIELDS)
def list_lines(call: Call) -> Document:
    """All lines of an invoice, page by page."""
    return answer_part(call, _find(call)["lines"]["data"])


@operation("POST", "/v1/invoices/<invoice>", FIELDS)
def update(call: Call) -> Document:
    """Change description and metadata; how it is collected only while it is a draft."""
    invoice = _find(call)
    if invoice["status"] != "draft" and set(call.params) & {"collection_method", "days_until_due"}:
        raise StripeError("Finalized invoices can't be updated in this way.", param="collection_method")
    names = ("auto_advance", "collection_method", "description")
    given = {name: call.params[name] for name in names if name in call.params}
    if "metadata" in call.params:
        given["metadata"] = merged_metadata(invoice["metadata"], call.params["metadata"])
    if call.params.get("days_until_due") is not None:
        given["due_date"] = call.ledger.now + 86_400 * call.params["days_until_due"]
    return present(call.ledger, invoicing.save(call.ledger, invoice | given))


@operation(
    "GET",
    "/v1/invoices",
    LIST_FIELDS
    | {
        "collection_method": COLLECTION,
        "created": moment_or_range,
        "customer": text(clearable=False),
        "status": choice("draft", "open", "paid", "uncollectible", "void"),
        "subscription": text(clearable=False),
    },
)
def list_all(call: Call) -> Document:
    """Newest first, of a customer or a subscription."""
    names = ("collection_method", "customer", "status")
    equal = {name: call.params[name] for name in names if name in call.params}
    if "subscription" in call.params:
        equal["parent.subscription_details.subscription"] = call.params["subscription"]
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, "invoice", equal=equal, limits=limits)


@operation("POST", "/v1/invoices/<invoice>/finalize", {"auto_advance": flag})
def finalize(call: Call) -> Document:
    """Open a draft."""
    return present(call.ledger, drafting.finalize(call.ledger, _find(call)))


@operation("POST", "/v1/invoices/<invoice>/send")
def send(call: Call) -> Document:
    """Mail it, were there any mail: a draft becomes final by it."""
    invoice = _find(call)
    if invoice["status"] == "draft":
        invoice = drafting.finalize(call.ledger, invoice)
    return present(call.ledger, invoice)


@operation("POST", "/v1/invoices/<invoice>/pay", {"paid_out_of_band": flag, "payment_method": text(clearable=False)})
def pay(call: Call) -> Document:
    """Collect an open invoice now, by card or out of band."""
    invoice = _find(call)
    if invoice["status"] == "draft":
        invoice = drafting.finalize(call.ledger, invoice)
    _check_status(invoice, "open", "uncollectible")
    method = None
    if "payment_method" in call.params:
        method = call.ledger.get("payment_method", call.params["payment_method"], "payment_method")
    out_of_band = call.params.get("paid_out_of_band", False)
    if not invoicing.settle(call.ledger, invoice, out_of_band=out_of_band, method=method):
        raise card_declined()
    subscription = invoicing.subscription_of(call.ledger, invoice)
    if subscription:
        invoicing.revive(call.ledger, subscription)
    return present(call.ledger, invoice)


@operation("POST", "/v1/invoices/<invoice>/void")
def void(call: Call) -> Document:
    """It was a mistake: nobody has to pay it."""
    invoice = _find(call)
    _check_status(invoice, "open", "uncollectible")
    invoicing.shelve(call.ledger, invoice, "void")
    return present(call.ledger, invoice)


@operation("POST", "/v1/invoices/<invoice>/mark_uncollectible")
def mark_uncollectible(call: Call) -> Document:
    """Nobody will pay it."""
    invoice = _find(call)
    _check_status(invoice, "open")
    invoicing.shelve(call.ledger, invoice, "uncollectible")
    return present(call.ledger, invoice)


def _find(call: Call) -> Document:
    return call.ledger.get("invoice", call.ids["invoice"], "invoice", in_path=True)


def _check_status(invoice: Document, *allowed: str) -> None:
    if invoice["status"] not in allowed:
        raise StripeError(f"Invoice is already {invoice['status']}.", code="invoice_not_editable", param="invoice")
