"""Invoices of subscriptions: read, and pay."""

from portal.sandbox.engine import invoicing
from portal.sandbox.errors import StripeError, card_declined
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import choice, flag, moment_or_range, text

STATUS = choice("draft", "open", "paid", "uncollectible", "void")


@operation("GET", "/v1/invoices/<invoice>")
def retrieve(call: Call) -> Document:
    """One invoice with its lines."""
    return call.ledger.get("invoice", call.ids["invoice"], "invoice", in_path=True)


@operation(
    "GET",
    "/v1/invoices",
    LIST_FIELDS
    | {
        "created": moment_or_range,
        "customer": text(clearable=False),
        "status": STATUS,
        "subscription": text(clearable=False),
    },
)
def list_all(call: Call) -> Document:
    """Newest first, of a customer or a subscription."""
    equal = {name: call.params[name] for name in ("customer", "status") if name in call.params}
    if "subscription" in call.params:
        equal["parent.subscription_details.subscription"] = call.params["subscription"]
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, "invoice", equal=equal, limits=limits)


@operation("POST", "/v1/invoices/<invoice>/pay", {"paid_out_of_band": flag, "payment_method": text(clearable=False)})
def pay(call: Call) -> Document:
    """Collect an open invoice now, by card or out of band."""
    invoice = call.ledger.get("invoice", call.ids["invoice"], "invoice", in_path=True)
    if invoice["status"] != "open":
        raise StripeError(f"Invoice is already {invoice['status']}.", code="invoice_not_editable", param="invoice")
    method = None
    if "payment_method" in call.params:
        method = call.ledger.get("payment_method", call.params["payment_method"], "payment_method")
    out_of_band = call.params.get("paid_out_of_band", False)
    if not invoicing.settle(call.ledger, invoice, out_of_band=out_of_band, method=method):
        raise card_declined()
    subscription = invoicing.subscription_of(call.ledger, invoice)
    if subscription:
        invoicing.revive(call.ledger, subscription)
    return invoice
