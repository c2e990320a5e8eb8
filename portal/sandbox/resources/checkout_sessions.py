"""Checkout sessions: the API side; the page is `hosted/checkout.py`."""

from portal.sandbox.engine import checkout
from portal.sandbox.expansion import present
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, answer_part, operation
from portal.sandbox.params import (
    choice,
    currency,
    email,
    flag,
    group,
    list_of,
    metadata,
    moment_or_range,
    text,
    timestamp,
    url,
    whole,
)
from portal.sandbox.resources.portal_sessions import LOCALES
from portal.sandbox.resources.prices import AMOUNT, RECURRING
from portal.sandbox.resources.subscriptions import BILLING_MODE, COMMON

KIND = "checkout.session"
PRODUCT_DATA = {
    "description": text(40_000),
    "images": list_of(url, 8),
    "metadata": metadata,
    "name": text(clearable=False),
    "unit_label": text(12),
}
PRICE_DATA = AMOUNT | {
    "product": text(clearable=False),
    "product_data": group(PRODUCT_DATA, ("name",)),
    "recurring": group(RECURRING, ("interval",)),
}
LINE_ITEMS = list_of(
    group(
        {
            "price": text(clearable=False),
            "price_data": group(PRICE_DATA, ("currency", "unit_amount")),
            "quantity": whole(1, 999_999),
        }
    ),
    100,
)
INVOICE_DATA = group({"description": text(1500), "footer": text(5000), "metadata": metadata})
INVOICE_CREATION = group({"enabled": flag, "invoice_data": INVOICE_DATA}, ("enabled",))
PAYMENT_DATA = {"description": text(1000), "metadata": metadata}
SUBSCRIPTION_DATA = {
    "description": text(500),
    "metadata": metadata,
    "trial_period_days": whole(1, 730),
    "trial_settings": COMMON["trial_settings"],
}
COLLECTION = choice("always", "if_required")
NEVER_OR_AUTO = choice("auto", "never")
FIELDS = {
    "billing_address_collection": choice("auto", "required"),
    "cancel_url": url,
    "client_reference_id": text(200),
    "currency": currency,
    "customer": text(clearable=False),
    "customer_creation": COLLECTION,
    "customer_email": email,
    "customer_update": group(dict.fromkeys(("address", "name", "shipping"), NEVER_OR_AUTO)),
    "expires_at": timestamp,
    "invoice_creation": INVOICE_CREATION,
    "line_items": LINE_ITEMS,
    "locale": choice(*LOCALES),
    "metadata": metadata,
    "mode": choice("payment", "subscription"),
    "payment_intent_data": group(PAYMENT_DATA | {"setup_future_usage": choice("off_session", "on_session")}),
    "payment_method_collection": COLLECTION,
    "subscription_data": group(SUBSCRIPTION_DATA | {"billing_mode": BILLING_MODE, "trial_end": timestamp}),
    "success_url": url,
    "ui_mode": choice("hosted_page"),
}


@operation("POST", "/v1/checkout/sessions", FIELDS)
def create(call: Call) -> Document:
    """A session with the address of a page to pay on."""
    return present(call.ledger, checkout.create(call.ledger, dict(call.params), call.version))


@operation("GET", "/v1/checkout/sessions/<session>")
def retrieve(call: Call) -> Document:
    """One session."""
    return present(call.ledger, _find(call))


@operation("POST", "/v1/checkout/sessions/<session>/expire")
def expire(call: Call) -> Document:
    """Close an open session."""
    return present(call.ledger, checkout.expire(call.ledger, _find(call)))


@operation("GET", "/v1/checkout/sessions/<session>/line_items", LIST_FIELDS)
def list_line_items(call: Call) -> Document:
    """What is bought."""
    return answer_part(call, checkout.line_items(call.ledger, _find(call)))


@operation(
    "GET",
    "/v1/checkout/sessions",
    LIST_FIELDS
    | {
        "created": moment_or_range,
        "customer": text(clearable=False),
        "customer_details": group({"email": text(clearable=False)}, ("email",)),
        "payment_intent": text(clearable=False),
        "payment_link": text(clearable=False),
        "status": choice("complete", "expired", "open"),
        "subscription": text(clearable=False),
    },
)
def list_all(call: Call) -> Document:
    """Newest first."""
    names = ("customer", "payment_intent", "payment_link", "status", "subscription")
    equal = {name: call.params[name] for name in names if name in call.params}
    if "customer_details" in call.params:
        equal["customer_details.email"] = call.params["customer_details"]["email"]
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, KIND, equal=equal, limits=limits)


def _find(call: Call) -> Document:
    return call.ledger.get(KIND, call.ids["session"], "session", in_path=True)
