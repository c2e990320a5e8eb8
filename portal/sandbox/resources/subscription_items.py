"""Subscription items: what is paid for, with price and quantity."""

from typing import Any

from portal.sandbox.engine import billed, changing, due, invoicing, periods, subscribing
from portal.sandbox.errors import StripeError, missing
from portal.sandbox.expansion import present_item
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import choice, merged_metadata, metadata, text, whole

PAYMENT_BEHAVIOR = choice("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
PRORATION = choice("always_invoice", "create_prorations", "none")
FIELDS = {
    "metadata": metadata,
    "payment_behavior": PAYMENT_BEHAVIOR,
    "price": text(clearable=False),
    "proration_behavior": PRORATION,
    "quantity": whole(0, 1_000_000),
}


def change_item(call: Call, subscription: Document, wanted: dict[str, Any], name: str) -> Document:
    """Give an item another price, quantity or metadata, or remove it. name: how the parameter is called."""
    item = call.ledger.get("subscription_item", wanted["id"], f"{name}[id]")
    if item["subscription"] != subscription["id"]:
        raise missing("subscription_item", wanted["id"], param=f"{name}[id]")
    if wanted.get("deleted"):
        _remove(call, subscription, item)
        return subscription
    if "metadata" in wanted:
        item = call.ledger.save(item | {"metadata": merged_metadata(item["metadata"], wanted["metadata"])})
    price_id = str(wanted.get("price", item["price"]))
    quantity: int = wanted["quantity"] if "quantity" in wanted else item["quantity"]
    if (price_id, quantity) == (item["price"], item["quantity"]):
        return subscription
    if price_id == item["price"]:
        price = call.ledger.get("price", price_id, "price")
    else:
        price = subscribing.price_for_sale(call.ledger, price_id, f"{name}[price]")
    return changing.switch(
        call.ledger,
        subscription,
        item,
        price,
        quantity,
        proration=call.params.get("proration_behavior", "create_prorations"),
        behavior=call.params.get("payment_behavior", "allow_incomplete"),
    )


def new_item(call: Call, subscription: Document, wanted: dict[str, Any], name: str) -> Document:
    """Add an item; its period ends with the others' of the same rhythm."""
    if not wanted.get("price"):
        raise StripeError(f"Missing required param: {name}[price].", code="parameter_missing", param=f"{name}[price]")
    price = subscribing.price_for_sale(call.ledger, wanted["price"], f"{name}[price]")
    siblings = due.items_of(call.ledger, subscription["id"])
    if any(sibling["price"] == price["id"] for sibling in siblings):
        raise StripeError(
            f"Cannot add multiple subscription items with the same price: `{price['id']}`", param=f"{name}[price]"
        )
    now = call.ledger.now
    end = subscription["trial_end"] if subscription["status"] == "trialing" else None
    end = end or periods.end_after(subscription["billing_cycle_anchor"], price["recurring"], now)
    item = subscribing.add_item(call.ledger, subscription, price, now, end, wanted)
    if call.params.get("proration_behavior") == "always_invoice" and subscription["status"] != "trialing":
        invoice = invoicing.issue(
            call.ledger, subscription, [billed.line_for(call.ledger, item)], "subscription_update"
        )
        changing.collect(call.ledger, subscription, invoice, call.params.get("payment_behavior", ""))
    return due.save(call.ledger, subscription)


def _remove(call: Call, subscription: Document, item: Document) -> None:
    if len(due.items_of(call.ledger, subscription["id"])) == 1:
        raise StripeError(
            "A subscription must have at least one active plan. To cancel a subscription, please use the cancel API "
            "endpoint on /v1/subscriptions."
        )
    call.ledger.remove(item)
    due.save(call.ledger, subscription)


def _living(call: Call, subscription_id: str, param: str) -> Document:
    subscription = call.ledger.get("subscription", subscription_id, param)
    changing.check_may_change(subscription, ("items",))
    return subscription


def _find(call: Call) -> Document:
    return call.ledger.get("subscription_item", call.ids["item"], "id", in_path=True)


@operation(
    "POST", "/v1/subscription_items", FIELDS | {"subscription": text(clearable=False)}, ("subscription", "price")
)
def create(call: Call) -> Document:
    """Add an item to a running subscription."""
    subscription = _living(call, call.params["subscription"], "subscription")
    new_item(call, subscription, dict(call.params), "item")
    newest = call.ledger.all("subscription_item", subscription=subscription["id"])[0]
    return present_item(call.ledger, newest)


@operation("GET", "/v1/subscription_items/<item>")
def retrieve(call: Call) -> Document:
    """One item with its price."""
    return present_item(call.ledger, _find(call))


@operation("POST", "/v1/subscription_items/<item>", FIELDS)
def update(call: Call) -> Document:
    """Another price, quantity or metadata."""
    item = _find(call)
    change_item(call, _living(call, item["subscription"], "id"), dict(call.params) | {"id": item["id"]}, "item")
    return present_item(call.ledger, _find(call))


@operation("DELETE", "/v1/subscription_items/<item>", {"proration_behavior": PRORATION})
def delete(call: Call) -> Document:
    """Remove an item; the last one must stay."""
    item = _find(call)
    _remove(call, _living(call, item["subscription"], "id"), item)
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


@operation("GET", "/v1/subscription_items", LIST_FIELDS | {"subscription": text(clearable=False)}, ("subscription",))
def list_all(call: Call) -> Document:
    """The items of one subscription."""
    call.ledger.get("subscription", call.params["subscription"], "subscription")
    return answer_list(call, "subscription_item", equal={"subscription": call.params["subscription"]})
