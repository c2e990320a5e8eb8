"""Which events a change makes (Stripe's "Types of events"). A kind that is not named here makes none."""

from collections.abc import Callable
from typing import Any

from portal.sandbox.ledger import Document

Names = list[str]


def of(kind: str, before: Document | None, after: Document) -> Names:
    """The types of the events that this change makes, in their order. before: None for a new object."""
    return KINDS[kind](before, after)


def _plain(prefix: str) -> Callable[[Document | None, Document], Names]:
    """created, updated, deleted."""

    def names(before: Document | None, after: Document) -> Names:
        if before is None:
            return [f"{prefix}.created"]
        return [f"{prefix}.deleted" if after.get("deleted") else f"{prefix}.updated"]

    return names


def _became(before: Document | None, after: Document, field: str, value: Any) -> bool:
    return after.get(field) == value and (before or {}).get(field) != value


def _subscription(before: Document | None, after: Document) -> Names:
    if before is None:
        return ["customer.subscription.created"]
    if _became(before, after, "status", "canceled") or _became(before, after, "status", "incomplete_expired"):
        expired = after["status"] == "incomplete_expired"
        return ["customer.subscription.updated" if expired else "customer.subscription.deleted"]
    names = ["customer.subscription.updated"]
    if _became(before, after, "status", "paused"):
        names.append("customer.subscription.paused")
    elif before["status"] == "paused":
        names.append("customer.subscription.resumed")
    return names


def _invoice(before: Document | None, after: Document) -> Names:
    names = [] if before else ["invoice.created"]
    was_draft = before is None or before["status"] == "draft"
    if was_draft and after["status"] != "draft":
        names.append("invoice.finalized")
    if _became(before, after, "status", "paid"):
        names += ["invoice.paid", "invoice.payment_succeeded"]
    elif after["attempted"] and after["attempt_count"] > (before or {"attempt_count": 0})["attempt_count"]:
        names.append("invoice.payment_failed")
    elif _became(before, after, "status", "void"):
        names.append("invoice.voided")
    elif _became(before, after, "status", "uncollectible"):
        names.append("invoice.marked_uncollectible")
    if before:
        names.insert(0, "invoice.updated")
    return names


def _checkout(before: Document | None, after: Document) -> Names:
    if _became(before, after, "status", "expired"):
        return ["checkout.session.expired"]
    if _became(before, after, "status", "complete"):
        return ["checkout.session.completed"]
    if before and before["status"] == "complete" and _became(before, after, "payment_status", "paid"):
        return ["checkout.session.async_payment_succeeded"]
    return []


def _payment_intent(before: Document | None, after: Document) -> Names:
    names = [] if before else ["payment_intent.created"]
    for status in ("succeeded", "processing", "canceled"):
        if _became(before, after, "status", status):
            names.append(f"payment_intent.{status}")
    failed_before = (before or {}).get("last_payment_error")
    if after["last_payment_error"] and after["last_payment_error"] != failed_before:
        names.append("payment_intent.payment_failed")
    return names


def _charge(before: Document | None, after: Document) -> Names:
    if _became(before, after, "status", after["status"]):
        return [f"charge.{after['status']}"]
    if before and after["amount_refunded"] > before["amount_refunded"]:
        return ["charge.refunded"]
    return ["charge.updated"]


def _refund(before: Document | None, after: Document) -> Names:
    if before is None:
        return ["refund.created"]
    return ["refund.updated", "refund.failed"] if _became(before, after, "status", "failed") else ["refund.updated"]


def _dispute(before: Document | None, after: Document) -> Names:
    if before is None:
        return ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    if _became(before, after, "status", "won"):
        return ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
    return ["charge.dispute.closed"] if _became(before, after, "status", "lost") else ["charge.dispute.updated"]


def _payment_method(before: Document | None, after: Document) -> Names:
    if (before or {}).get("customer") == after["customer"]:
        return ["payment_method.updated"] if before else []
    return ["payment_method.attached" if after["customer"] else "payment_method.detached"]


def _invoice_payment(before: Document | None, after: Document) -> Names:
    return ["invoice_payment.paid"] if _became(before, after, "status", "paid") else []


def _created_only(name: str) -> Callable[[Document | None, Document], Names]:
    return lambda before, after: [name] if before is None else []


KINDS: dict[str, Callable[[Document | None, Document], Names]] = {
    "billing_portal.configuration": _plain("billing_portal.configuration"),
    "billing_portal.session": _created_only("billing_portal.session.created"),
    "charge": _charge,
    "checkout.session": _checkout,
    "customer": _plain("customer"),
    "dispute": _dispute,
    "invoice": _invoice,
    "invoice_payment": _invoice_payment,
    "invoiceitem": _plain("invoiceitem"),
    "payment_intent": _payment_intent,
    "payment_link": _plain("payment_link"),
    "payment_method": _payment_method,
    "price": _plain("price"),
    "product": _plain("product"),
    "refund": _refund,
    "subscription": _subscription,
}
