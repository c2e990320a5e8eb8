"""Disputes. Customers open them (in the sandbox: the accidents page), vendors may give in."""

from portal.sandbox.engine import refunding
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import moment_or_range, text

SOURCE = {"charge": text(clearable=False), "payment_intent": text(clearable=False)}


@operation("GET", "/v1/disputes/<dispute>")
def retrieve(call: Call) -> Document:
    """One dispute."""
    return call.ledger.get("dispute", call.ids["dispute"], "dispute", in_path=True)


@operation("POST", "/v1/disputes/<dispute>/close")
def close(call: Call) -> Document:
    """Give in: the dispute is lost."""
    dispute = call.ledger.get("dispute", call.ids["dispute"], "dispute", in_path=True)
    return refunding.close_dispute(call.ledger, dispute, won=False)


@operation("GET", "/v1/disputes", LIST_FIELDS | SOURCE | {"created": moment_or_range})
def list_all(call: Call) -> Document:
    """Newest first."""
    equal = {name: call.params[name] for name in SOURCE if name in call.params}
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, "dispute", equal=equal, limits=limits)
