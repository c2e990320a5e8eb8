"""Keeping a subscription together with the moment at which time itself changes it next."""

from portal.sandbox.ledger import Document, Ledger

LIVING = ("active", "trialing", "past_due")
INCOMPLETE_SECONDS = 23 * 3600
NOTICE_SECONDS = 3 * 86_400
TRIAL_WILL_END = "customer.subscription.trial_will_end"


def items_of(ledger: Ledger, subscription_id: str) -> list[Document]:
    """The subscription's items, oldest first."""
    return ledger.all("subscription_item", subscription=subscription_id)[::-1]


def is_announced(ledger: Ledger, subscription: Document) -> bool:
    """Whether the end of this trial was announced already."""
    query = (
        "SELECT 1 FROM objects WHERE account = ? AND kind = 'event' AND json_extract(body, '$.data.object.id') = ? "
        "AND json_extract(body, '$.type') = ? AND json_extract(body, '$.data.object.trial_end') = ?"
    )
    values = (ledger.account, subscription["id"], TRIAL_WILL_END, subscription["trial_end"])
    return ledger.connection.execute(query, values).fetchone() is not None


def _bank_decides(ledger: Ledger, subscription: Document) -> bool:
    """Whether the first payment is on its way through a bank; then nothing expires."""
    payments = ledger.all("invoice_payment", invoice=subscription["latest_invoice"])
    intents = [ledger.find("payment_intent", payment["payment"]["payment_intent"]) for payment in payments]
    return any(intent and intent["status"] == "processing" for intent in intents)


def due_at(ledger: Ledger, subscription: Document) -> int | None:
    """When something happens to this subscription by itself."""
    if subscription["status"] == "incomplete":
        if _bank_decides(ledger, subscription):
            return None
        return int(subscription["created"]) + INCOMPLETE_SECONDS
    if subscription["status"] not in LIVING:
        return None
    moments = [item["current_period_end"] for item in items_of(ledger, subscription["id"])]
    if subscription["cancel_at"]:
        moments.append(subscription["cancel_at"])
    if (subscription["pause_collection"] or {}).get("resumes_at"):
        moments.append(subscription["pause_collection"]["resumes_at"])
    if subscription["status"] == "trialing" and not is_announced(ledger, subscription):
        moments.append(max(ledger.now, subscription["trial_end"] - NOTICE_SECONDS))
    return min(moments) if moments else None


def save(ledger: Ledger, subscription: Document) -> Document:
    """Keep the subscription and its next moment."""
    return ledger.save(subscription, due_at(ledger, subscription))
