"""Answers as the caller sees them: parts that live elsewhere are filled in, and `expand[]` replaces ids by objects."""

from collections.abc import Callable
from typing import Any

from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document, Ledger

DEEPEST = 4
SHOWN_LINES = 10  # of an invoice; the others are asked for by themselves

# Which kind of object an expandable field holds the id of.
KINDS = {
    "charge": "charge",
    "configuration": "billing_portal.configuration",
    "customer": "customer",
    "default_payment_method": "payment_method",
    "default_price": "price",
    "invoice": "invoice",
    "latest_charge": "charge",
    "latest_invoice": "invoice",
    "payment_intent": "payment_intent",
    "payment_link": "payment_link",
    "payment_method": "payment_method",
    "price": "price",
    "product": "product",
    "subscription": "subscription",
}


def list_object(data: list[Any], url: str, *, has_more: bool = False) -> Document:
    """Stripe's list shape."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def present_item(ledger: Ledger, item: Document) -> Document:
    """A subscription item with its price."""
    return item | {"price": ledger.find("price", item["price"])}


def present_subscription(ledger: Ledger, subscription: Document) -> Document:
    """A subscription with its items, oldest first."""
    items = ledger.all("subscription_item", subscription=subscription["id"])[::-1]
    listed = list_object(
        [present_item(ledger, item) for item in items], f"/v1/subscription_items?subscription={subscription['id']}"
    )
    return subscription | {"items": listed}


def _customer_subscriptions(ledger: Ledger, customer: Document) -> Document:
    living = [
        present_subscription(ledger, found)
        for found in ledger.all("subscription", customer=customer["id"])
        if found["status"] not in ("canceled", "incomplete_expired")
    ]
    return list_object(living, f"/v1/customers/{customer['id']}/subscriptions")


def present_event(ledger: Ledger, event: Document) -> Document:
    """An event with the number of endpoints that still wait for it."""
    waiting = ledger.connection.execute(
        "SELECT count(*) AS number FROM deliveries WHERE event = ? AND state IN ('pending', 'held')", (event["id"],)
    ).fetchone()
    return event | {"pending_webhooks": waiting["number"]}


def present_invoice(ledger: Ledger, invoice: Document) -> Document:
    """An invoice with its first lines."""
    lines = invoice["lines"]["data"]
    shown = invoice["lines"] | {"data": lines[:SHOWN_LINES], "has_more": len(lines) > SHOWN_LINES}
    return invoice | {"lines": shown}


def present_without_created(ledger: Ledger, document: Document) -> Document:
    """An object of one of the few kinds that Stripe gives no `created`."""
    return {name: value for name, value in document.items() if name != "created"}


PRESENTERS: dict[str, Callable[[Ledger, Document], Document]] = {
    "event": present_event,
    "invoice": present_invoice,
    "invoiceitem": present_without_created,
    "payment_link": present_without_created,
    "subscription": present_subscription,
    "subscription_item": present_item,
}


def _line_items(ledger: Ledger, sale: Document) -> Document:
    from portal.sandbox.engine.checkout import line_items

    place = {"checkout.session": "checkout/sessions", "payment_link": "payment_links"}[sale["object"]]
    return list_object(line_items(ledger, sale), f"/v1/{place}/{sale['id']}/line_items")


def _invoice_payments(ledger: Ledger, invoice: Document) -> Document:
    found = ledger.all("invoice_payment", invoice=invoice["id"])
    return list_object(found, f"/v1/invoice_payments?invoice={invoice['id']}")


def _refunds(ledger: Ledger, charge: Document) -> Document:
    return list_object(ledger.all("refund", charge=charge["id"]), f"/v1/charges/{charge['id']}/refunds")


# Fields that appear only when they are asked for.
ON_REQUEST: dict[tuple[str, str], Callable[[Ledger, Document], Document]] = {
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _line_items,
    ("customer", "subscriptions"): _customer_subscriptions,
    ("invoice", "payments"): _invoice_payments,
    ("payment_link", "line_items"): _line_items,
}


def present(ledger: Ledger, document: Document) -> Document:
    """The document as the API answers it: complete, and without what the sandbox keeps for itself (`_more`)."""
    if document.get("deleted"):
        return document
    presenter = PRESENTERS.get(document.get("object", ""))
    shown = presenter(ledger, document) if presenter else document
    return {name: value for name, value in shown.items() if name != "_more"} if "_more" in shown else shown


def expand(ledger: Ledger, document: Document, paths: list[str]) -> Document:
    """Replace the ids at these paths by the objects they name."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise StripeError(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}", param="expand"
            )
        _expand_at(ledger, document, steps, path)
    return document


def _expand_at(ledger: Ledger, node: Any, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for entry in node:
            _expand_at(ledger, entry, steps, path)
        return
    step, rest = steps[0], steps[1:]
    refusal = StripeError(f"This property cannot be expanded ({path}).", param="expand")
    if not isinstance(node, dict):
        raise refusal
    if (node.get("object", ""), step) in ON_REQUEST:
        node[step] = ON_REQUEST[(node["object"], step)](ledger, node)
    if step not in node:
        raise refusal
    value = node[step]
    if isinstance(value, str):
        found = ledger.find(KINDS[step], value) if step in KINDS else None
        if found is None:
            raise refusal
        value = node[step] = present(ledger, found)
    if rest and value is not None:
        _expand_at(ledger, value, rest, path)
