"""Configurations of the billing portal."""

from typing import Any

from portal.sandbox import ids
from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import Reader, choice, flag, group, list_of, merged_metadata, metadata, text, url, whole
from portal.sandbox.resources.subscription_items import PRORATION

KIND = "billing_portal.configuration"
UPDATES = ("address", "email", "name", "phone", "shipping", "tax_id")
REASONS = [
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
]
ENABLED: dict[str, Reader] = {"enabled": flag}
REASON = ENABLED | {"options": list_of(choice(*REASONS))}
ADJUSTABLE = ENABLED | {"maximum": whole(1, 999_999), "minimum": whole(0, 999_999)}
PRODUCT = group(
    {
        "adjustable_quantity": group(ADJUSTABLE, ("enabled",)),
        "prices": list_of(text(clearable=False), 50),
        "product": text(clearable=False),
    },
    ("product", "prices"),
)
CONDITION = group({"type": choice("decreasing_item_amount", "shortening_interval")}, ("type",))
FEATURES = group(
    {
        "customer_update": group(ENABLED | {"allowed_updates": list_of(choice(*UPDATES))}),
        "invoice_history": group(ENABLED, ("enabled",)),
        "payment_method_update": group(ENABLED | {"payment_method_configuration": text()}, ("enabled",)),
        "subscription_cancel": group(
            ENABLED
            | {
                "cancellation_reason": group(REASON, ("enabled",)),
                "mode": choice("at_period_end", "immediately"),
                "proration_behavior": PRORATION,
            }
        ),
        "subscription_update": group(
            ENABLED
            | {
                "billing_cycle_anchor": choice("now", "unchanged"),
                "default_allowed_updates": list_of(choice("price", "promotion_code", "quantity")),
                "products": list_of(PRODUCT, 10),
                "proration_behavior": PRORATION,
                "schedule_at_period_end": group({"conditions": list_of(CONDITION)}),
                "trial_update_behavior": choice("continue_trial", "end_trial"),
            }
        ),
    }
)
BLANK_FEATURES: Document = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": None,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
FIELDS = {
    "business_profile": group({"headline": text(60), "privacy_policy_url": url, "terms_of_service_url": url}),
    "default_return_url": url,
    "features": FEATURES,
    "login_page": group(ENABLED, ("enabled",)),
    "metadata": metadata,
    "name": text(256),
}


def add_default(ledger: Ledger) -> Document:
    """The configuration that saving the portal settings in Stripe's dashboard makes."""
    features = {
        "customer_update": {"allowed_updates": ["email", "name", "address", "phone", "tax_id"], "enabled": True},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"cancellation_reason": {"enabled": True, "options": list(REASONS)}, "enabled": True},
    }
    return _write(ledger, _blank() | {"is_default": True}, {"features": features, "login_page": {"enabled": True}})


@operation("POST", "/v1/billing_portal/configurations", FIELDS, ("features",))
def create(call: Call) -> Document:
    """A further configuration."""
    return _write(call.ledger, _blank(), dict(call.params))


@operation("GET", "/v1/billing_portal/configurations/<configuration>")
def retrieve(call: Call) -> Document:
    """One configuration."""
    return call.ledger.get(KIND, call.ids["configuration"], "configuration", in_path=True)


@operation("POST", "/v1/billing_portal/configurations/<configuration>", FIELDS | {"active": flag})
def update(call: Call) -> Document:
    """Change what is named, leave the rest."""
    configuration = call.ledger.get(KIND, call.ids["configuration"], "configuration", in_path=True)
    if configuration["is_default"] and call.params.get("active") is False:
        raise StripeError("You cannot deactivate the default configuration.", param="active")
    return _write(call.ledger, configuration, dict(call.params))


@operation("GET", "/v1/billing_portal/configurations", LIST_FIELDS | {"active": flag, "is_default": flag})
def list_all(call: Call) -> Document:
    """Newest first."""
    equal = {name: call.params[name] for name in ("active", "is_default") if name in call.params}
    return answer_list(call, KIND, equal=equal)


def _blank() -> Document:
    return {
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "default_return_url": None,
        "features": BLANK_FEATURES,
        "is_default": False,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
    }


def _write(ledger: Ledger, configuration: Document, given: dict[str, Any]) -> Document:
    changed = configuration | {name: given[name] for name in ("active", "default_return_url", "name") if name in given}
    changed["business_profile"] = configuration["business_profile"] | given.get("business_profile", {})
    if "metadata" in given:
        changed["metadata"] = merged_metadata(configuration["metadata"], given["metadata"])
    if "login_page" in given and given["login_page"]["enabled"] != configuration["login_page"]["enabled"]:
        code = f"test_{ids.random_text(18)}" if given["login_page"]["enabled"] else None
        url = f"{ledger.public_url}/p/login/{code}" if code else None
        changed["login_page"] = {"enabled": bool(code), "url": url}
    features = {
        name: _merged(feature, (given.get("features") or {}).get(name) or {})
        for name, feature in configuration["features"].items()
    }
    _check_features(ledger, features)
    changed |= {"features": features, "updated": ledger.now}
    return ledger.save(changed) if "id" in changed else ledger.add(KIND, changed)


def _merged(feature: Document, given: Document) -> Document:
    inner = {
        name: feature[name] | (given[name] or {})
        for name in ("cancellation_reason", "schedule_at_period_end")
        if name in given
    }
    return feature | given | inner


def _check_features(ledger: Ledger, features: Document) -> None:
    update = features["subscription_update"]
    name = "features[subscription_update][products]"
    for product in update["products"] or []:
        ledger.get("product", product["product"], f"{name}[product]")
        product["adjustable_quantity"] = {"enabled": False, "maximum": None, "minimum": 0} | product.get(
            "adjustable_quantity", {}
        )
        rhythms = set()
        for price_id in product["prices"]:
            price = ledger.get("price", price_id, f"{name}[prices]")
            if price["product"] != product["product"]:
                raise StripeError(
                    f"The price {price_id} does not belong to the product {product['product']}.", param=name
                )
            recurring = price["recurring"] or {}
            rhythms.add((recurring.get("interval"), recurring.get("interval_count")))
        if len(rhythms) < len(product["prices"]):
            raise StripeError("All prices of a product must have unique billing intervals.", param=name)
    if update["enabled"] and not (update["products"] and update["default_allowed_updates"]):
        raise StripeError(
            "`products` and `default_allowed_updates` are required when `subscription_update` is enabled.", param=name
        )
    if features["customer_update"]["enabled"] and not features["customer_update"]["allowed_updates"]:
        raise StripeError(
            "`allowed_updates` is required when `customer_update` is enabled.",
            param="features[customer_update][allowed_updates]",
        )
    if features["subscription_cancel"]["proration_behavior"] == "always_invoice":
        raise StripeError(
            "`always_invoice` is not supported for `subscription_cancel`.",
            param="features[subscription_cancel][proration_behavior]",
        )
