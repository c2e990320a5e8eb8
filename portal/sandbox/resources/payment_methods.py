"""Payment methods: Stripe's test cards."""

from portal.sandbox.engine import cards
from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import choice, email, group, merged_metadata, metadata, text, whole
from portal.sandbox.resources.customers import ADDRESS

CARD = group(
    {
        "cvc": text(),
        "exp_month": whole(1, 12),
        "exp_year": whole(2000, 2100),
        "number": text(),
        "token": text(),
    }
)
DETAILS = group({"address": ADDRESS, "email": email, "name": text(), "phone": text()})
TYPE = choice("card")


@operation(
    "POST",
    "/v1/payment_methods",
    {"billing_details": DETAILS, "card": CARD, "metadata": metadata, "type": TYPE},
    ("type", "card"),
)
def create(call: Call) -> Document:
    """A payment method from a test card's number or token."""
    given = call.params["card"]
    card = cards.BY_TOKEN.get(given["token"]) if given.get("token") else cards.BY_NUMBER.get(given.get("number") or "")
    if card is None:
        raise StripeError(
            "Your card number is incorrect. The sandbox takes Stripe's test cards only.",
            status=402,
            kind="card_error",
            code="incorrect_number",
            param="number",
        )
    method = cards.new_method(call.ledger, card, call.params.get("billing_details"))
    dates = {name: given[name] for name in ("exp_month", "exp_year") if name in given}
    kept = {key: value for key, value in (call.params.get("metadata") or {}).items() if value}
    return call.ledger.save(method | {"card": method["card"] | dates, "metadata": kept})


@operation("GET", "/v1/payment_methods/<method>")
def retrieve(call: Call) -> Document:
    """One payment method."""
    return call.ledger.get("payment_method", call.ids["method"], "payment_method", in_path=True)


@operation("POST", "/v1/payment_methods/<method>", {"billing_details": DETAILS, "metadata": metadata})
def update(call: Call) -> Document:
    """Change billing details and metadata."""
    method = call.ledger.get("payment_method", call.ids["method"], "payment_method", in_path=True)
    if "metadata" in call.params:
        method["metadata"] = merged_metadata(method["metadata"], call.params["metadata"])
    details = dict(call.params.get("billing_details") or {})
    if "address" in details:
        details["address"] = cards.NO_ADDRESS | (details["address"] or {})
    return call.ledger.save(method | {"billing_details": method["billing_details"] | details})


@operation("POST", "/v1/payment_methods/<method>/attach", {"customer": text(clearable=False)}, ("customer",))
def attach(call: Call) -> Document:
    """Give it to a customer; a ready-made name such as `pm_card_visa` becomes a new payment method."""
    customer = call.ledger.get("customer", call.params["customer"], "customer")
    return cards.attach(call.ledger, call.ids["method"], customer["id"])


@operation("POST", "/v1/payment_methods/<method>/detach")
def detach(call: Call) -> Document:
    """Take it from its customer."""
    method = call.ledger.get("payment_method", call.ids["method"], "payment_method", in_path=True)
    if method["customer"] is None:
        raise StripeError(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )
    customer = call.ledger.find("customer", method["customer"])
    if customer and not customer.get("deleted"):
        settings = customer["invoice_settings"]
        if settings["default_payment_method"] == method["id"]:
            call.ledger.save(customer | {"invoice_settings": settings | {"default_payment_method": None}})
    return call.ledger.save(method | {"customer": None})


@operation("GET", "/v1/payment_methods", LIST_FIELDS | {"customer": text(clearable=False), "type": TYPE})
def list_all(call: Call) -> Document:
    """The payment methods of a customer."""
    if "customer" not in call.params:
        raise StripeError("Missing required param: customer.", code="parameter_missing", param="customer")
    call.ledger.get("customer", call.params["customer"], "customer")
    return answer_list(call, "payment_method", equal={"customer": call.params["customer"]})


@operation("GET", "/v1/customers/<customer>/payment_methods", LIST_FIELDS | {"type": TYPE})
def list_of_customer(call: Call) -> Document:
    """The same, under the customer."""
    customer = call.ledger.get("customer", call.ids["customer"], "customer", in_path=True)
    return answer_list(call, "payment_method", equal={"customer": customer["id"]})
