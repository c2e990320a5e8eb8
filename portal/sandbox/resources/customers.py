"""Customers."""

from typing import Any

from portal.sandbox.engine import cards, changing
from portal.sandbox.engine.customers import new_customer
from portal.sandbox.errors import missing
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import (
    choice,
    email,
    group,
    list_of,
    merged_metadata,
    metadata,
    moment_or_range,
    text,
    whole,
)

ADDRESS = group(
    {name: text() for name in ("city", "country", "line1", "line2", "postal_code", "state")}, clearable=True
)
FIELDS = {
    "address": ADDRESS,
    "balance": whole(),
    "description": text(),
    "email": email,
    "invoice_prefix": text(),
    "invoice_settings": group({"default_payment_method": text(), "footer": text()}),
    "metadata": metadata,
    "name": text(256),
    "phone": text(20),
    "preferred_locales": list_of(text()),
    "shipping": group({"address": ADDRESS, "name": text(), "phone": text()}, ("address", "name"), clearable=True),
    "tax_exempt": choice("none", "exempt", "reverse", clearable=True),
}


@operation("POST", "/v1/customers", FIELDS | {"payment_method": text()})
def create(call: Call) -> Document:
    """A new customer, with a payment method attached if one is named."""
    customer = new_customer(call.ledger)
    method = None
    if call.params.get("payment_method"):
        method = cards.attach(call.ledger, call.params["payment_method"], customer["id"])
    return _apply(call, customer, {key: value for key, value in call.params.items() if key in FIELDS}, method)


@operation("GET", "/v1/customers/<customer>")
def retrieve(call: Call) -> Document:
    """A customer; a deleted one answers in its deleted shape."""
    found = call.ledger.find("customer", call.ids["customer"])
    if found is None:
        raise missing("customer", call.ids["customer"], param="id", in_path=True)
    return found


@operation("POST", "/v1/customers/<customer>", FIELDS)
def update(call: Call) -> Document:
    """Change what is named, leave the rest."""
    customer = call.ledger.get("customer", call.ids["customer"], "id", in_path=True)
    return _apply(call, customer, {key: value for key, value in call.params.items() if key in FIELDS})


@operation("DELETE", "/v1/customers/<customer>")
def delete(call: Call) -> Document:
    """Delete for good; running subscriptions end at once."""
    customer = call.ledger.get("customer", call.ids["customer"], "id", in_path=True)
    for subscription in call.ledger.all("subscription", customer=customer["id"]):
        if subscription["status"] not in changing.ENDED:
            changing.cancel_now(call.ledger, subscription)
    return call.ledger.save({"id": customer["id"], "object": "customer", "deleted": True})


@operation("GET", "/v1/customers", LIST_FIELDS | {"created": moment_or_range, "email": text(512)})
def list_all(call: Call) -> Document:
    """Newest first; `email` must match to the letter."""
    equal = {"email": call.params["email"]} if call.params.get("email") else {}
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, "customer", equal=equal, limits=limits)


def _apply(call: Call, customer: Document, given: dict[str, Any], method: Document | None = None) -> Document:
    if "metadata" in given:
        given["metadata"] = merged_metadata(customer["metadata"], given["metadata"])
    if given.get("address"):
        given["address"] = cards.NO_ADDRESS | given["address"]
    if given.get("shipping"):
        address = cards.NO_ADDRESS | (given["shipping"]["address"] or {})
        given["shipping"] = {"phone": None} | given["shipping"] | {"address": address}
    if given.get("tax_exempt", "") is None:
        given["tax_exempt"] = "none"
    if "invoice_settings" in given:
        settings = customer["invoice_settings"] | given["invoice_settings"]
        chosen = given["invoice_settings"].get("default_payment_method")
        if chosen:
            settings["default_payment_method"] = _owned_method(call, customer, chosen, method)
        given["invoice_settings"] = settings
    return call.ledger.save(customer | given)


def _owned_method(call: Call, customer: Document, chosen: str, attached: Document | None) -> str:
    """The id of a payment method of this customer; the name just attached from a test card counts as it."""
    param = "invoice_settings[default_payment_method]"
    if attached and chosen == call.params.get("payment_method"):
        return str(attached["id"])
    found = call.ledger.find("payment_method", chosen)
    if found is None or found["customer"] != customer["id"]:
        raise missing("payment_method", chosen, param=param)
    return chosen
