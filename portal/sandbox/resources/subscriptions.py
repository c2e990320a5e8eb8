"""Subscriptions."""

from typing import Any

from portal.sandbox.engine import changing, due, subscribing
from portal.sandbox.errors import StripeError, missing
from portal.sandbox.expansion import present
from portal.sandbox.ledger import Document, Page
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import (
    choice,
    currency,
    either,
    flag,
    group,
    list_of,
    merged_metadata,
    metadata,
    moment_or_range,
    text,
    timestamp,
    whole,
)
from portal.sandbox.resources.subscription_items import PAYMENT_BEHAVIOR, PRORATION, change_item, new_item

BILLING_MODE = group(
    {
        "flexible": group({"proration_discounts": choice("included", "itemized")}),
        "type": choice("classic", "flexible"),
    },
    ("type",),
)
FEEDBACK = choice(
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
    clearable=True,
)
DETAILS = group({"comment": text(), "feedback": FEEDBACK})
END_OF = ("min_period_end", "max_period_end")
QUANTITY = whole(0, 1_000_000)
COMMON = {
    "cancel_at": either(END_OF, timestamp, clearable=True),
    "cancel_at_period_end": flag,
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": whole(0, 365),
    "default_payment_method": text(),
    "description": text(500),
    "metadata": metadata,
    "off_session": flag,
    "payment_behavior": PAYMENT_BEHAVIOR,
    "payment_settings": group(
        {
            "payment_method_types": list_of(choice("card")),
            "save_default_payment_method": choice("off", "on_subscription"),
        }
    ),
    "proration_behavior": PRORATION,
    "trial_end": either(("now",), timestamp),
    "trial_settings": group(
        {
            "end_behavior": group(
                {"missing_payment_method": choice("cancel", "create_invoice", "pause")}, ("missing_payment_method",)
            )
        },
        ("end_behavior",),
    ),
}
CREATE = COMMON | {
    "billing_mode": BILLING_MODE,
    "currency": currency,
    "customer": text(clearable=False),
    "items": list_of(group({"metadata": metadata, "price": text(clearable=False), "quantity": QUANTITY}), 20),
    "trial_period_days": whole(0, 730),
}
UPDATE = COMMON | {
    "cancellation_details": DETAILS,
    "items": list_of(
        group(
            {
                "deleted": flag,
                "id": text(clearable=False),
                "metadata": metadata,
                "price": text(clearable=False),
                "quantity": QUANTITY,
            }
        ),
        20,
    ),
    "pause_collection": group(
        {"behavior": choice("keep_as_draft", "mark_uncollectible", "void"), "resumes_at": timestamp},
        ("behavior",),
        clearable=True,
    ),
}
STATUSES = ("active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid")


@operation("POST", "/v1/subscriptions", CREATE, ("customer", "items"))
def create(call: Call) -> Document:
    """Start a subscription and collect its first invoice."""
    return present(call.ledger, subscribing.start(call.ledger, call.params, call.version))


@operation("GET", "/v1/subscriptions/<subscription>")
def retrieve(call: Call) -> Document:
    """One subscription, also an ended one."""
    return present(call.ledger, _find(call))


@operation("POST", "/v1/subscriptions/<subscription>", UPDATE)
def update(call: Call) -> Document:
    """Change what is named, leave the rest."""
    subscription, given = _find(call), call.params
    changing.check_may_change(subscription, given)
    _apply_plain(call, subscription)
    if given.get("trial_end") not in (None, "now"):
        _move_trial(call, subscription, given["trial_end"])
    due.save(call.ledger, subscription)
    for index, wanted in enumerate(given.get("items", [])):
        if "id" in wanted:
            subscription = change_item(call, subscription, wanted, f"items[{index}]")
        else:
            subscription = new_item(call, subscription, wanted, f"items[{index}]")
    subscribing.set_cancel(call.ledger, subscription, given, due.items_of(call.ledger, subscription["id"]))
    if given.get("cancellation_details"):
        details = subscription["cancellation_details"] | given["cancellation_details"]
        subscription = subscription | {"cancellation_details": details}
    if given.get("trial_end") == "now" and subscription["status"] == "trialing":
        subscription = changing.end_trial(call.ledger, subscription, given.get("payment_behavior", ""))
    return present(call.ledger, due.save(call.ledger, subscription))


@operation(
    "POST",
    "/v1/subscriptions/<subscription>/resume",
    {"billing_cycle_anchor": choice("now", "unchanged"), "proration_behavior": PRORATION},
)
def resume(call: Call) -> Document:
    """A paused subscription goes on with a new period, paid now."""
    subscription = _find(call)
    if subscription["status"] != "paused":
        raise StripeError("Only paused subscriptions can be resumed.", param="subscription")
    return present(call.ledger, changing.restart(call.ledger, subscription))


@operation(
    "DELETE",
    "/v1/subscriptions/<subscription>",
    {"cancellation_details": DETAILS, "invoice_now": flag, "prorate": flag},
)
def cancel(call: Call) -> Document:
    """End it at once."""
    subscription = _find(call)
    if subscription["status"] in changing.ENDED:
        raise missing("subscription", subscription["id"], param="id", in_path=True)
    return present(call.ledger, changing.cancel_now(call.ledger, subscription, call.params.get("cancellation_details")))


@operation(
    "GET",
    "/v1/subscriptions",
    LIST_FIELDS
    | {
        "collection_method": COMMON["collection_method"],
        "created": moment_or_range,
        "current_period_end": moment_or_range,
        "customer": text(clearable=False),
        "price": text(clearable=False),
        "status": choice(*STATUSES, "ended", "all"),
    },
)
def list_all(call: Call) -> Document:
    """Newest first; canceled ones only when `status` asks for them."""
    given = call.params
    equal: dict[str, Any] = {name: given[name] for name in ("collection_method", "customer") if name in given}
    status = given.get("status")
    statuses = {
        None: [name for name in STATUSES if name not in changing.ENDED],
        "all": list(STATUSES),
        "ended": list(changing.ENDED),
    }.get(status, [status])
    among: dict[str, list[Any]] = {"status": statuses}
    if "price" in given:
        among["id"] = [item["subscription"] for item in call.ledger.all("subscription_item", price=given["price"])]
    if "current_period_end" in given:
        ends = {"current_period_end": given["current_period_end"]}
        found, _ = call.ledger.page("subscription_item", Page(10**6), limits=ends)
        meant = {item["subscription"] for item in found}
        among["id"] = sorted(meant & set(among.get("id", meant)))
    limits = {"created": given["created"]} if "created" in given else {}
    return answer_list(call, "subscription", equal=equal, among=among, limits=limits)


def _find(call: Call) -> Document:
    return call.ledger.get("subscription", call.ids["subscription"], "id", in_path=True)


def _apply_plain(call: Call, subscription: Document) -> None:
    """The fields that have no consequences of their own."""
    given = call.params
    names = ("collection_method", "days_until_due", "description", "pause_collection", "trial_settings")
    subscription |= {name: given[name] for name in names if name in given}
    if subscription["pause_collection"]:
        subscription["pause_collection"] = {"resumes_at": None} | subscription["pause_collection"]
    if "metadata" in given:
        subscription["metadata"] = merged_metadata(subscription["metadata"], given["metadata"])
    if given.get("payment_settings"):
        subscription["payment_settings"] = subscription["payment_settings"] | given["payment_settings"]
    if "default_payment_method" in given:
        subscribing.check_method(call.ledger, given["default_payment_method"], subscription["customer"])
        subscription["default_payment_method"] = given["default_payment_method"]


def _move_trial(call: Call, subscription: Document, end: int) -> None:
    if end <= call.ledger.now:
        raise StripeError("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    start = subscription["trial_start"] or call.ledger.now
    subscription |= {"billing_cycle_anchor": end, "status": "trialing", "trial_end": end, "trial_start": start}
    for item in due.items_of(call.ledger, subscription["id"]):
        call.ledger.save(item | {"current_period_end": end})
