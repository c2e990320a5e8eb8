"""Charges: one for each try to collect a payment."""

from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import merged_metadata, metadata, moment_or_range, text


def _find(call: Call) -> Document:
    return call.ledger.get("charge", call.ids["charge"], "charge", in_path=True)


@operation("GET", "/v1/charges/<charge>")
def retrieve(call: Call) -> Document:
    """One charge."""
    return _find(call)


@operation("POST", "/v1/charges/<charge>", {"description": text(1000), "metadata": metadata})
def update(call: Call) -> Document:
    """Change description and metadata."""
    charge = _find(call)
    given = {name: call.params[name] for name in ("description",) if name in call.params}
    if "metadata" in call.params:
        given["metadata"] = merged_metadata(charge["metadata"], call.params["metadata"])
    return call.ledger.save(charge | given)


@operation(
    "GET",
    "/v1/charges",
    LIST_FIELDS
    | {"created": moment_or_range, "customer": text(clearable=False), "payment_intent": text(clearable=False)},
)
def list_all(call: Call) -> Document:
    """Newest first, of a customer or a payment intent."""
    equal = {name: call.params[name] for name in ("customer", "payment_intent") if name in call.params}
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, "charge", equal=equal, limits=limits)
