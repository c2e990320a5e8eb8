"""Money going back: refunds, and disputes with the customer's bank."""

from typing import Any

from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.params import merged_metadata

EVIDENCE_DAYS = 9
EVIDENCE = """
    access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal
    customer_communication customer_email_address customer_name customer_purchase_ip customer_signature
    duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt
    refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation
    shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number uncategorized_file
    uncategorized_text
"""


def refund(ledger: Ledger, charge: Document, amount: int | None = None, **given: Any) -> Document:
    """Give back all that is left, or a part of it. given: `reason`, `metadata`. Raises StripeError."""
    left = charge["amount"] - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise StripeError(f"Charge {charge['id']} has not succeeded and cannot be refunded.", param="charge")
    if left == 0:
        raise StripeError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded", param="charge"
        )
    if charge["disputed"]:
        raise StripeError(f"Charge {charge['id']} has been charged back.", code="charge_disputed")
    amount = left if amount is None else amount
    if amount > left:
        raise StripeError(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount"
        )
    refunded = charge["amount_refunded"] + amount
    made = ledger.add(
        "refund",
        {
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "currency": charge["currency"],
            "destination_details": {"type": "card", "card": {"type": "refund"}},
            "metadata": merged_metadata({}, given.get("metadata") or {}),
            "payment_intent": charge["payment_intent"],
            "reason": given.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
        },
    )
    ledger.save(charge | {"amount_refunded": refunded, "refunded": refunded == charge["amount"]})
    return made


def fail(ledger: Ledger, made: Document) -> Document:
    """The customer's bank does not take the money; it stays with the vendor."""
    charge = ledger.get("charge", made["charge"], "charge")
    kept = charge["amount_refunded"] - made["amount"]
    ledger.save(charge | {"amount_refunded": kept, "refunded": False})
    return ledger.save(made | {"failure_reason": "lost_or_stolen_card", "status": "failed"})


def dispute(ledger: Ledger, charge: Document, reason: str = "fraudulent") -> Document:
    """The customer complains to the bank, which takes the money back at once. Raises StripeError."""
    if charge["disputed"] or charge["status"] != "succeeded":
        raise StripeError(f"Charge {charge['id']} cannot be disputed.", param="charge")
    brand = (charge["payment_method_details"].get("card") or {}).get("brand") or "visa"
    made = ledger.add(
        "dispute",
        {
            "amount": charge["amount"],
            "balance_transactions": [],
            "charge": charge["id"],
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": dict.fromkeys(EVIDENCE.split()) | {"enhanced_evidence": {}},
            "evidence_details": {
                "due_by": ledger.now + EVIDENCE_DAYS * 86_400,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {
                "card": {"brand": brand, "case_type": "chargeback", "network_reason_code": "10.4"},
                "type": "card",
            },
            "reason": reason,
            "status": "needs_response",
        },
    )
    ledger.save(charge | {"disputed": True})
    return made


def close_dispute(ledger: Ledger, found: Document, *, won: bool) -> Document:
    """The bank has decided. Raises StripeError."""
    if found["status"] in ("won", "lost"):
        raise StripeError("This dispute is already closed.", param="dispute")
    return ledger.save(found | {"status": "won" if won else "lost"})
