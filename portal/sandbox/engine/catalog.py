"""Keeping new products and prices."""

from typing import Any

from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.params import merged_metadata


def add_product(ledger: Ledger, given: dict[str, Any]) -> Document:
    """Keep a new product. Raises StripeError when the chosen id is taken."""
    if given.get("id") and ledger.find("product", given["id"]):
        raise StripeError("Product already exists.", code="resource_already_exists", param="id")
    check_descriptor(given.get("statement_descriptor"))
    blank: Document = {
        "active": True,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "unit_label": None,
        "updated": ledger.now,
        "url": None,
    }
    kept = {key: value for key, value in given.items() if key != "id" or value}
    kept["metadata"] = merged_metadata({}, given.get("metadata") or {})
    return ledger.add("product", blank | kept)


def check_descriptor(descriptor: str | None) -> None:
    """Stripe's rules for what stands on a card statement. Raises StripeError."""
    if descriptor and (set(descriptor) & set("<>\\\"'") or not any(letter.isalpha() for letter in descriptor)):
        raise StripeError(
            "The statement descriptor must contain at least one letter and none of the characters < > \\ \" '.",
            param="statement_descriptor",
        )


def add_price(ledger: Ledger, given: dict[str, Any]) -> Document:
    """Keep a new price of an existing product."""
    recurring = given.get("recurring")
    amount = given["unit_amount"]
    return ledger.add(
        "price",
        {
            "active": given.get("active", True),
            "billing_scheme": "per_unit",
            "currency": given["currency"],
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": given.get("lookup_key"),
            "metadata": merged_metadata({}, given.get("metadata") or {}),
            "nickname": given.get("nickname"),
            "product": given["product"],
            "recurring": recurring and {"interval_count": 1, "meter": None, "usage_type": "licensed"} | recurring,
            "tax_behavior": given.get("tax_behavior", "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
        },
    )
