"""Checkout sessions: made and checked, expired, listed; `completing.py` is what happens when somebody pays."""

from typing import Any

from portal.sandbox import ids
from portal.sandbox.engine.catalog import add_price, add_product
from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document, Ledger

LEAST_SECONDS, LONGEST_SECONDS = 30 * 60, 24 * 3600
ONLY = {
    "payment": ("customer_creation", "invoice_creation", "payment_intent_data"),
    "subscription": ("subscription_data",),
}

_NULLS = """
    adaptive_pricing after_expiration allow_promotion_codes billing_address_collection client_secret
    collected_information consent consent_collection currency_conversion customer_details invoice payment_intent
    payment_link payment_method_configuration_details recovered_from saved_payment_method_options setup_intent
    shipping_address_collection shipping_cost submit_type subscription wallet_options
"""
GIVEN = ("cancel_url", "client_reference_id", "customer", "customer_email", "locale", "success_url")
BLANK: Document = {
    **dict.fromkeys(_NULLS.split()),
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "custom_fields": [],
    "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
    "livemode": False,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "phone_number_collection": {"enabled": False},
    "shipping_options": [],
    "status": "open",
    "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    "ui_mode": "hosted_page",
}


def create(ledger: Ledger, given: dict[str, Any], version: str, **more: Any) -> Document:
    """A session that waits for its visitor. more: what only Stripe's own pages set, such as `payment_link`.

    Raises StripeError.
    """
    mode = given.get("mode")
    if not mode:
        raise _missing("mode")
    _check_together(ledger, given, mode)
    if not given.get("success_url") and not more:
        raise _missing("success_url")
    items = items_of(ledger, given.get("line_items") or [])
    check_items(ledger, items, mode)
    expires_at = given.get("expires_at") or ledger.now + LONGEST_SECONDS
    kept = {
        "items": items,
        "payment_intent_data": given.get("payment_intent_data") or {},
        "subscription_data": given.get("subscription_data") or {},
        "version": version,
    }
    session = _blank(ledger, given, items, mode) | {"expires_at": expires_at, "_more": kept} | more
    return ledger.add("checkout.session", session, expires_at)


def _blank(ledger: Ledger, given: dict[str, Any], items: list[Document], mode: str) -> Document:
    session_id = ids.new_id("checkout.session")
    data = given.get("subscription_data") or {}
    trial = data.get("trial_period_days") or data.get("trial_end")
    total = sum(item["amount_total"] for item in items if not (trial and _price(ledger, item)["recurring"]))
    collection = "if_required" if mode == "payment" else given.get("payment_method_collection", "always")
    return (
        BLANK
        | {name: given.get(name) for name in GIVEN}
        | {
            "id": session_id,
            "amount_subtotal": total,
            "amount_total": total,
            "currency": items[0]["currency"],
            "customer_creation": _creation(given, mode),
            "invoice_creation": invoice_creation(given.get("invoice_creation")) if mode == "payment" else None,
            "metadata": {key: value for key, value in (given.get("metadata") or {}).items() if value},
            "mode": mode,
            "payment_method_collection": collection,
            "url": f"{ledger.public_url}/c/pay/{session_id}",
        }
    )


def expire(ledger: Ledger, session: Document) -> Document:
    """Nobody can pay it any more."""
    if session["status"] != "open":
        raise StripeError(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session['status']}.",
            param="session",
        )
    return ledger.save(
        session | {"expires_at": min(session["expires_at"], ledger.now), "status": "expired", "url": None}
    )


def items_of(ledger: Ledger, wanted: list[dict[str, Any]]) -> list[Document]:
    """The line items that these parameters describe. Raises StripeError."""
    if not wanted:
        raise _missing("line_items")
    return [_item(ledger, entry, f"line_items[{at}]") for at, entry in enumerate(wanted)]


def line_items(ledger: Ledger, session: Document) -> list[Document]:
    """What is bought, with full prices."""
    kept = ledger.get(session["object"], session["id"], "session")
    return [item | {"price": _price(ledger, item)} for item in kept["_more"]["items"]]


def _price(ledger: Ledger, item: Document) -> Document:
    return ledger.get("price", item["price"], "price")


def _missing(name: str) -> StripeError:
    return StripeError(f"Missing required param: {name}.", code="parameter_missing", param=name)


def _creation(given: dict[str, Any], mode: str) -> str | None:
    if given.get("customer"):
        return None
    return "always" if mode == "subscription" else given.get("customer_creation", "if_required")


def invoice_creation(given: Document | None) -> Document:
    """The session's or link's wish for an invoice, in full."""
    blank = dict.fromkeys(("account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options"))
    data = blank | {"metadata": {}} | ((given or {}).get("invoice_data") or {})
    return {"enabled": bool(given and given["enabled"]), "invoice_data": data}


def _check_together(ledger: Ledger, given: dict[str, Any], mode: str) -> None:
    """Parameters that exclude each other, or belong to the other mode."""
    if given.get("customer") and given.get("customer_email"):
        raise StripeError(
            "You may only specify one of these parameters: customer, customer_email.", param="customer_email"
        )
    if given.get("customer"):
        ledger.get("customer", given["customer"], "customer")
        if given.get("customer_creation"):
            raise StripeError(
                "You may only specify one of these parameters: customer, customer_creation.", param="customer_creation"
            )
    for owner, names in ONLY.items():
        for name in names:
            if owner != mode and name in given:
                raise StripeError(f"`{name}` can only be used in `{owner}` mode.", param=name)
    expires_at = given.get("expires_at")
    if expires_at is not None and not LEAST_SECONDS <= expires_at - ledger.now <= LONGEST_SECONDS:
        raise StripeError(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session "
            "creation.",
            param="expires_at",
        )


def check_items(ledger: Ledger, items: list[Document], mode: str) -> None:
    """Prices must fit the mode and each other. Raises StripeError."""
    prices = [_price(ledger, item) for item in items]
    recurring = [price for price in prices if price["recurring"]]
    if mode == "payment" and recurring:
        raise StripeError(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use "
            "only one-time prices.",
            param="line_items",
        )
    if mode == "subscription" and not recurring:
        raise StripeError(
            "You must provide at least one recurring price in `subscription` mode when using prices.",
            param="line_items",
        )
    if len({price["currency"] for price in prices}) > 1:
        raise StripeError("All prices of a Checkout Session must have the same currency.", param="line_items")


def _item(ledger: Ledger, wanted: dict[str, Any], name: str) -> Document:
    if bool(wanted.get("price")) == bool(wanted.get("price_data")):
        raise StripeError(f"You must specify one of `{name}[price]` or `{name}[price_data]`.", param=name)
    if wanted.get("price_data"):
        price = _inline_price(ledger, wanted["price_data"], f"{name}[price_data]")
    else:
        price = ledger.get("price", wanted["price"], f"{name}[price]")
        if not price["active"]:
            raise StripeError(
                f"The price {price['id']} is inactive. This field only accepts active prices.", param=f"{name}[price]"
            )
    if "quantity" not in wanted:
        raise _missing(f"{name}[quantity]")
    amount = price["unit_amount"] * wanted["quantity"]
    product = ledger.find("product", price["product"]) or {}
    return {
        "id": ids.new_id("item"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": product.get("name", price["product"]),
        "metadata": {},
        "price": price["id"],
        "quantity": wanted["quantity"],
    }


def _inline_price(ledger: Ledger, given: dict[str, Any], name: str) -> Document:
    """A price made for this sale alone; like Stripe's, it is not active afterwards."""
    if bool(given.get("product")) == bool(given.get("product_data")):
        raise StripeError(f"You must specify one of `{name}[product]` or `{name}[product_data]`.", param=name)
    if given.get("product"):
        product = ledger.get("product", given["product"], f"{name}[product]")
    else:
        product = add_product(ledger, given["product_data"])
    return add_price(ledger, given | {"product": product["id"], "active": False})
