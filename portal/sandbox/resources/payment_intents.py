"""Payment intents: read, and given metadata. They are made by Checkout and by invoices."""

from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import merged_metadata, metadata, moment_or_range, text


def _find(call: Call) -> Document:
    return call.ledger.get("payment_intent", call.ids["intent"], "intent", in_path=True)


@operation("GET", "/v1/payment_intents/<intent>")
def retrieve(call: Call) -> Document:
    """One payment intent."""
    return _find(call)


@operation("POST", "/v1/payment_intents/<intent>", {"description": text(1000), "metadata": metadata})
def update(call: Call) -> Document:
    """Change description and metadata."""
    intent = _find(call)
    given = {name: call.params[name] for name in ("description",) if name in call.params}
    if "metadata" in call.params:
        given["metadata"] = merged_metadata(intent["metadata"], call.params["metadata"])
    return call.ledger.save(intent | given)


@operation("GET", "/v1/payment_intents", LIST_FIELDS | {"created": moment_or_range, "customer": text(clearable=False)})
def list_all(call: Call) -> Document:
    """Newest first."""
    equal = {"customer": call.params["customer"]} if "customer" in call.params else {}
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, "payment_intent", equal=equal, limits=limits)
