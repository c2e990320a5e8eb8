"""Payment links: addresses that anybody may open, again and again, to buy the same thing."""

from typing import Any

from portal.sandbox import ids
from portal.sandbox.engine import checkout
from portal.sandbox.errors import StripeError
from portal.sandbox.expansion import present
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, answer_part, operation
from portal.sandbox.params import choice, flag, group, merged_metadata, metadata, text, url, whole
from portal.sandbox.resources.checkout_sessions import (
    COLLECTION,
    INVOICE_CREATION,
    LINE_ITEMS,
    PAYMENT_DATA,
    SUBSCRIPTION_DATA,
)

KIND = "payment_link"
AFTER = group(
    {
        "hosted_confirmation": group({"custom_message": text(500)}),
        "redirect": group({"url": url}, ("url",)),
        "type": choice("hosted_confirmation", "redirect"),
    },
    ("type",),
)
CHANGEABLE = {
    "after_completion": AFTER,
    "customer_creation": COLLECTION,
    "inactive_message": text(500),
    "invoice_creation": INVOICE_CREATION,
    "metadata": metadata,
    "payment_intent_data": group(PAYMENT_DATA),
    "restrictions": group(
        {"completed_sessions": group({"limit": whole(1)}, ("limit",))}, ("completed_sessions",), clearable=True
    ),
    "subscription_data": group(SUBSCRIPTION_DATA),
}
BLANK: Document = {
    "active": True,
    "after_completion": {"hosted_confirmation": {"custom_message": None}, "type": "hosted_confirmation"},
    "allow_promotion_codes": False,
    "application": None,
    "automatic_tax": {"enabled": False, "liability": None},
    "billing_address_collection": "auto",
    "consent_collection": None,
    "custom_fields": [],
    "custom_text": checkout.BLANK["custom_text"],
    "customer_creation": "if_required",
    "inactive_message": None,
    "invoice_creation": None,
    "livemode": False,
    "metadata": {},
    "on_behalf_of": None,
    "payment_intent_data": None,
    "payment_method_collection": "always",
    "phone_number_collection": {"enabled": False},
    "restrictions": None,
    "shipping_address_collection": None,
    "shipping_options": [],
    "submit_type": "auto",
    "subscription_data": None,
    "tax_id_collection": {"enabled": False, "required": "never"},
    "transfer_data": None,
}


@operation("POST", "/v1/payment_links", CHANGEABLE | {"line_items": LINE_ITEMS}, ("line_items",))
def create(call: Call) -> Document:
    """A new link."""
    items = checkout.items_of(call.ledger, call.params["line_items"])
    prices = [call.ledger.get("price", item["price"], "price") for item in items]
    mode = "subscription" if any(price["recurring"] for price in prices) else "payment"
    checkout.check_items(call.ledger, items, mode)
    code = f"test_{ids.random_text(18)}"
    blank = BLANK | {
        "currency": items[0]["currency"],
        "url": f"{call.ledger.public_url}/b/{code}",
        "_more": {"items": items, "mode": mode},
    }
    return present(call.ledger, call.ledger.add(KIND, _changed(call, blank)))


@operation("GET", "/v1/payment_links/<link>")
def retrieve(call: Call) -> Document:
    """One link."""
    return present(call.ledger, _find(call))


@operation("POST", "/v1/payment_links/<link>", CHANGEABLE | {"active": flag})
def update(call: Call) -> Document:
    """Change what is named, or switch it off and on."""
    link = _changed(call, _find(call))
    if "active" in call.params:
        link["active"] = call.params["active"]
    return present(call.ledger, call.ledger.save(link))


@operation("GET", "/v1/payment_links/<link>/line_items", LIST_FIELDS)
def list_line_items(call: Call) -> Document:
    """What is sold."""
    return answer_part(call, checkout.line_items(call.ledger, _find(call)))


@operation("GET", "/v1/payment_links", LIST_FIELDS | {"active": flag})
def list_all(call: Call) -> Document:
    """Newest first."""
    return answer_list(call, KIND, equal={"active": call.params["active"]} if "active" in call.params else {})


def _find(call: Call) -> Document:
    return call.ledger.get(KIND, call.ids["link"], "payment_link", in_path=True)


def _changed(call: Call, link: Document) -> Document:
    """The link with the given fields. Metadata of subscription and payment is declarative: the new replaces the old."""
    given: dict[str, Any] = {name: call.params[name] for name in CHANGEABLE if name in call.params}
    owner = {"payment": "subscription_data", "subscription": "payment_intent_data"}[link["_more"]["mode"]]
    if owner in given:
        raise StripeError(f"`{owner}` does not fit a link in `{link['_more']['mode']}` mode.", param=owner)
    if "metadata" in given:
        given["metadata"] = merged_metadata(link["metadata"], given["metadata"])
    if given.get("restrictions"):
        given["restrictions"] = {"completed_sessions": {"count": 0} | given["restrictions"]["completed_sessions"]}
    if "invoice_creation" in given:
        given["invoice_creation"] = checkout.invoice_creation(given["invoice_creation"])
    if "subscription_data" in given:
        blank: Document = {"description": None, "invoice_settings": {"issuer": {"type": "self"}}, "metadata": {}}
        blank |= {"trial_period_days": None, "trial_settings": None}
        given["subscription_data"] = blank | given["subscription_data"]
    if "payment_intent_data" in given:
        names = ("capture_method", "description", "setup_future_usage", "statement_descriptor", "transfer_group")
        blank = dict.fromkeys((*names, "statement_descriptor_suffix")) | {"metadata": {}}
        given["payment_intent_data"] = blank | given["payment_intent_data"]
    return link | given
