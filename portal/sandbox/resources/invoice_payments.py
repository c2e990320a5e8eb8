"""Invoice payments: the way from a payment to its invoice, since neither names the other any more."""

from typing import Any

from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import choice, group, moment_or_range, text

PAYMENT = group({"payment_intent": text(clearable=False), "type": choice("payment_intent")}, ("type",))


@operation("GET", "/v1/invoice_payments/<payment>")
def retrieve(call: Call) -> Document:
    """One invoice payment."""
    return call.ledger.get("invoice_payment", call.ids["payment"], "invoice_payment", in_path=True)


@operation(
    "GET",
    "/v1/invoice_payments",
    LIST_FIELDS
    | {
        "created": moment_or_range,
        "invoice": text(clearable=False),
        "payment": PAYMENT,
        "status": choice("canceled", "open", "paid"),
    },
)
def list_all(call: Call) -> Document:
    """Newest first, of an invoice or a payment intent."""
    given = call.params
    equal: dict[str, Any] = {name: given[name] for name in ("invoice", "status") if name in given}
    for name, value in (given.get("payment") or {}).items():
        equal[f"payment.{name}"] = value
    limits = {"created": given["created"]} if "created" in given else {}
    return answer_list(call, "invoice_payment", equal=equal, limits=limits)
