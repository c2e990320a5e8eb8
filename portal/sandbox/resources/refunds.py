"""Refunds, in full or in part."""

from portal.sandbox.engine import refunding
from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import choice, merged_metadata, metadata, moment_or_range, text, whole

SOURCE = {"charge": text(clearable=False), "payment_intent": text(clearable=False)}


@operation(
    "POST",
    "/v1/refunds",
    SOURCE
    | {
        "amount": whole(1),
        "metadata": metadata,
        "reason": choice("duplicate", "fraudulent", "requested_by_customer"),
    },
)
def create(call: Call) -> Document:
    """Give money back."""
    given = dict(call.params)
    return refunding.refund(
        call.ledger,
        _charge(call),
        given.get("amount"),
        reason=given.get("reason"),
        metadata=given.get("metadata"),
    )


@operation("GET", "/v1/refunds/<refund>")
def retrieve(call: Call) -> Document:
    """One refund."""
    return call.ledger.get("refund", call.ids["refund"], "refund", in_path=True)


@operation("POST", "/v1/refunds/<refund>", {"metadata": metadata})
def update(call: Call) -> Document:
    """Change its metadata."""
    refund = call.ledger.get("refund", call.ids["refund"], "refund", in_path=True)
    if "metadata" in call.params:
        refund["metadata"] = merged_metadata(refund["metadata"], call.params["metadata"])
    return call.ledger.save(refund)


@operation("GET", "/v1/refunds", LIST_FIELDS | SOURCE | {"created": moment_or_range})
def list_all(call: Call) -> Document:
    """Newest first."""
    equal = {name: call.params[name] for name in SOURCE if name in call.params}
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, "refund", equal=equal, limits=limits)


def _charge(call: Call) -> Document:
    if "charge" in call.params:
        return call.ledger.get("charge", call.params["charge"], "charge")
    if "payment_intent" not in call.params:
        raise StripeError("One of the following params should be provided for this request: payment_intent or charge.")
    intent = call.ledger.get("payment_intent", call.params["payment_intent"], "payment_intent")
    if not intent["latest_charge"]:
        raise StripeError(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", param="payment_intent"
        )
    return call.ledger.get("charge", intent["latest_charge"], "charge")
