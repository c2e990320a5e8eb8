"""Sessions of the billing portal."""

from typing import Any

from portal.sandbox.engine import changing, due, subscribing
from portal.sandbox.errors import StripeError, missing
from portal.sandbox.hosted.visits import open_session
from portal.sandbox.ledger import Document
from portal.sandbox.operations import Call, operation
from portal.sandbox.params import choice, group, list_of, text, url, whole
from portal.sandbox.resources.portal_configurations import KIND

LOCALES = [
    "auto",
    "bg",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "en-AU",
    "en-CA",
    "en-GB",
    "en-IE",
    "en-IN",
    "en-NZ",
    "en-SG",
    "es",
    "es-419",
    "et",
    "fi",
    "fil",
    "fr",
    "fr-CA",
    "hr",
    "hu",
    "id",
    "it",
    "ja",
    "ko",
    "lt",
    "lv",
    "ms",
    "mt",
    "nb",
    "nl",
    "pl",
    "pt",
    "pt-BR",
    "ro",
    "ru",
    "sk",
    "sl",
    "sv",
    "th",
    "tr",
    "vi",
    "zh",
    "zh-HK",
    "zh-TW",
]
FLOWS = ("payment_method_update", "subscription_cancel", "subscription_update", "subscription_update_confirm")
SUBSCRIPTION = text(clearable=False)
FLOW = group(
    {
        "after_completion": group(
            {
                "hosted_confirmation": group({"custom_message": text(500)}),
                "redirect": group({"return_url": url}, ("return_url",)),
                "type": choice("hosted_confirmation", "portal_homepage", "redirect"),
            },
            ("type",),
        ),
        "subscription_cancel": group({"subscription": SUBSCRIPTION}, ("subscription",)),
        "subscription_update": group({"subscription": SUBSCRIPTION}, ("subscription",)),
        "subscription_update_confirm": group(
            {
                "items": list_of(
                    group({"id": text(clearable=False), "price": text(), "quantity": whole(1, 999_999)}, ("id",)), 1
                ),
                "subscription": SUBSCRIPTION,
            },
            ("subscription", "items"),
        ),
        "type": choice(*FLOWS),
    },
    ("type",),
)
NO_DEFAULT = (
    "No configuration provided and your test mode default configuration has not been created. Provide a configuration "
    "or create your default by saving your customer portal settings in test mode at "
    "https://dashboard.stripe.com/test/settings/billing/portal."
)


@operation(
    "POST",
    "/v1/billing_portal/sessions",
    {"configuration": text(), "customer": text(), "flow_data": FLOW, "locale": choice(*LOCALES), "return_url": url},
)
def create(call: Call) -> Document:
    """A short-lived link to the hosted billing portal of one customer."""
    given = call.params
    if not given.get("customer"):
        raise StripeError("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = call.ledger.get("customer", given["customer"], "customer")
    configuration = _configuration(call)
    flow = _flow(call, customer, configuration, given["flow_data"]) if given.get("flow_data") else None
    return open_session(
        call.ledger,
        customer,
        configuration,
        flow=flow,
        locale=given.get("locale"),
        return_url=given.get("return_url") or configuration["default_return_url"],
    )


def _configuration(call: Call) -> Document:
    if call.params.get("configuration"):
        found = call.ledger.get(KIND, call.params["configuration"], "configuration")
        if not found["active"]:
            raise StripeError(f"The configuration {found['id']} is not active.", param="configuration")
        return found
    defaults = call.ledger.all(KIND, is_default=True)
    if not defaults:
        raise StripeError(NO_DEFAULT)
    return defaults[0]


def _flow(call: Call, customer: Document, configuration: Document, given: dict[str, Any]) -> Document:
    kind = given["type"]
    feature = {"subscription_update_confirm": "subscription_update"}.get(kind, kind)
    if not configuration["features"][feature]["enabled"]:
        words = {
            "payment_method_update": "The payment method cannot be updated because the payment method update",
            "subscription_cancel": "This subscription cannot be canceled because the subscription cancel",
            "subscription_update": "This subscription cannot be updated because the subscription update",
        }[feature]
        raise StripeError(f"{words} feature in the portal configuration is disabled.", param="flow_data[type]")
    for name in FLOWS[1:]:
        if (name in given) != (name == kind):
            raise StripeError(
                f"`flow_data[{name}]` must be given exactly when `flow_data[type]` is `{name}`.",
                code="parameter_missing" if name == kind else None,
                param=f"flow_data[{name}]",
            )
    if kind != "payment_method_update":
        _check_subscription(call, customer, configuration, kind, given[kind])
    after = given.get("after_completion") or {"type": "portal_homepage"}
    if after["type"] == "redirect" and "redirect" not in after:
        raise StripeError(
            "Missing required param: flow_data[after_completion][redirect].",
            code="parameter_missing",
            param="flow_data[after_completion][redirect]",
        )
    flow: Document = {name: given.get(name) for name in FLOWS[1:]}
    if flow["subscription_cancel"]:
        flow["subscription_cancel"] = flow["subscription_cancel"] | {"retention": None}
    if flow["subscription_update_confirm"]:
        flow["subscription_update_confirm"] = flow["subscription_update_confirm"] | {"discounts": None}
    flow["after_completion"] = {"hosted_confirmation": None, "redirect": None} | after
    return flow | {"type": kind}


def _check_subscription(
    call: Call, customer: Document, configuration: Document, kind: str, given: dict[str, Any]
) -> None:
    param = f"flow_data[{kind}][subscription]"
    subscription = call.ledger.get("subscription", given["subscription"], param)
    if subscription["customer"] != customer["id"]:
        raise missing("subscription", given["subscription"], param=param)
    if subscription["status"] in changing.ENDED:
        raise StripeError("This subscription has ended and cannot be changed.", param=param)
    planned = subscription["cancel_at"] or subscription["cancel_at_period_end"]
    mode = configuration["features"]["subscription_cancel"]["mode"]
    if kind == "subscription_cancel" and planned and mode == "at_period_end":
        raise StripeError(
            "This subscription cannot be canceled because it is already set to be canceled at the end of the period.",
            param=param,
        )
    if kind == "subscription_update_confirm":
        _check_items(call, configuration, subscription, given["items"], param)


def _check_items(
    call: Call, configuration: Document, subscription: Document, items: list[dict[str, Any]], param: str
) -> None:
    own = {item["id"] for item in due.items_of(call.ledger, subscription["id"])}
    listed = {
        price
        for product in configuration["features"]["subscription_update"]["products"] or []
        for price in product["prices"]
    }
    for item in items:
        if item["id"] not in own:
            raise missing("subscription_item", item["id"], param=param)
        if item.get("price"):
            subscribing.price_for_sale(call.ledger, item["price"], param)
            if item["price"] not in listed:
                raise StripeError(f"The price {item['price']} is not listed in the portal configuration.", param=param)
