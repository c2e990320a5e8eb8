"""Keeping a subscription together with the moment at which time itself changes it next."""

from portal.sandbox.ledger import Document, Ledger

LIVING = ("active", "trialing", "past_due")
INCOMPLETE_SECONDS = 23 * 3600


def items_of(ledger: Ledger, subscription_id: str) -> list[Document]:
    """The subscription's items, oldest first."""
    return ledger.all("subscription_item", subscription=subscription_id)[::-1]


def due_at(ledger: Ledger, subscription: Document) -> int | None:
    """When something happens to this subscription by itself."""
    if subscription["status"] == "incomplete":
        return int(subscription["created"]) + INCOMPLETE_SECONDS
    if subscription["status"] not in LIVING:
        return None
    moments = [item["current_period_end"] for item in items_of(ledger, subscription["id"])]
    if subscription["cancel_at"]:
        moments.append(subscription["cancel_at"])
    return min(moments) if moments else None


def save(ledger: Ledger, subscription: Document) -> Document:
    """Keep the subscription and its next moment."""
    return ledger.save(subscription, due_at(ledger, subscription))
