"""Payments: payment intents, their charges, and how they belong to invoices."""

from portal.sandbox import ids
from portal.sandbox.engine import cards
from portal.sandbox.errors import card_declined
from portal.sandbox.ledger import Document, Ledger

_INTENT_NULLS = """
    application application_fee_amount canceled_at cancellation_reason last_payment_error latest_charge next_action
    on_behalf_of processing receipt_email review setup_future_usage shipping statement_descriptor
    statement_descriptor_suffix transfer_data transfer_group
"""
_CHARGE_NULLS = """
    application application_fee application_fee_amount balance_transaction failure_balance_transaction failure_code
    failure_message on_behalf_of receipt_email receipt_number receipt_url review shipping source_transfer
    statement_descriptor statement_descriptor_suffix transfer_data transfer_group
"""


def new_intent(
    ledger: Ledger,
    amount: int,
    currency: str,
    customer: str | None,
    *,
    description: str | None = None,
    metadata: Document | None = None,
) -> Document:
    """A payment intent that nobody has paid yet."""
    intent_id = ids.new_id("payment_intent")
    return ledger.add(
        "payment_intent",
        dict.fromkeys(_INTENT_NULLS.split())
        | {
            "id": intent_id,
            "amount": amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "automatic_payment_methods": None,
            "capture_method": "automatic",
            "client_secret": f"{intent_id}_secret_{ids.random_text(25)}",
            "confirmation_method": "automatic",
            "currency": currency,
            "customer": customer,
            "description": description,
            "livemode": False,
            "metadata": metadata or {},
            "payment_method": None,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
        },
    )


def attempt(ledger: Ledger, intent: Document, method: Document | None, *, later: bool = False) -> Document:
    """Try to collect. later: a bank takes the payment and answers in some days."""
    if method is None:
        return ledger.save(intent | {"last_payment_error": _refusal(None)})
    pays = cards.charge(method)
    status = "pending" if later else "succeeded" if pays else "failed"
    charge = ledger.add("charge", _charge(intent, method, status))
    intent = intent | {
        "latest_charge": charge["id"],
        "payment_method": method["id"],
        "payment_method_types": [method["type"]],
    }
    if later:
        return ledger.save(intent | {"last_payment_error": None, "status": "processing"})
    return _settled(ledger, intent, charge, paid=pays)


def decide(ledger: Ledger, intent: Document, *, paid: bool) -> Document:
    """The bank has answered about a payment that was processing."""
    charge = ledger.get("charge", intent["latest_charge"], "charge")
    changes: Document = {"paid": True, "captured": True, "amount_captured": intent["amount"], "status": "succeeded"}
    if not paid:
        changes = {"paid": False, "status": "failed", "failure_code": "payment_failed", "failure_message": "Declined."}
    return _settled(ledger, intent, ledger.save(charge | changes), paid=paid)


def cancel(ledger: Ledger, intent: Document, reason: str) -> None:
    """Nobody is to pay this any more."""
    if intent["status"] not in ("succeeded", "canceled"):
        ledger.save(intent | {"canceled_at": ledger.now, "cancellation_reason": reason, "status": "canceled"})


def payment_of(ledger: Ledger, invoice: Document) -> Document | None:
    """The invoice's default payment, if one was ever begun."""
    found = ledger.all("invoice_payment", invoice=invoice["id"])
    return found[0] if found else None


def intent_for(ledger: Ledger, invoice: Document) -> Document:
    """The payment intent that pays this invoice; made, with its invoice payment, when first needed."""
    payment = payment_of(ledger, invoice)
    if payment:
        return ledger.get("payment_intent", payment["payment"]["payment_intent"], "payment_intent")
    what = "Subscription creation" if invoice["billing_reason"] == "subscription_create" else "Payment for an invoice"
    intent = new_intent(ledger, invoice["amount_due"], invoice["currency"], invoice["customer"], description=what)
    link_to_invoice(ledger, invoice, intent)
    return intent


def link_to_invoice(ledger: Ledger, invoice: Document, intent: Document) -> Document:
    """Note that this intent pays this invoice."""
    return ledger.add(
        "invoice_payment",
        {
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        },
    )


def close_payment(ledger: Ledger, invoice: Document, *, paid: bool) -> None:
    """The invoice's payment went through, or is given up."""
    payment = payment_of(ledger, invoice)
    if payment is None or payment["status"] != "open":
        return
    moment = {"paid_at" if paid else "canceled_at": ledger.now}
    ledger.save(
        payment
        | {
            "amount_paid": payment["amount_requested"] if paid else None,
            "status": "paid" if paid else "canceled",
            "status_transitions": payment["status_transitions"] | moment,
        }
    )


def _settled(ledger: Ledger, intent: Document, charge: Document, *, paid: bool) -> Document:
    if paid:
        received = {"amount_received": intent["amount"], "last_payment_error": None, "status": "succeeded"}
        return ledger.save(intent | received)
    error = _refusal(charge["id"])
    return ledger.save(intent | {"last_payment_error": error, "status": "requires_payment_method"})


def _refusal(charge: str | None) -> Document:
    error: Document = card_declined().body()["error"]
    return error | ({"charge": charge} if charge else {})


def _charge(intent: Document, method: Document, status: str) -> Document:
    failure = {"failure_code": "card_declined", "failure_message": "Your card was declined."}
    succeeded = status == "succeeded"
    return (
        dict.fromkeys(_CHARGE_NULLS.split())
        | (failure if status == "failed" else {})
        | {
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if succeeded else 0,
            "amount_refunded": 0,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": "SANDBOX",
            "captured": succeeded,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "fraud_details": {},
            "livemode": False,
            "metadata": intent["metadata"],
            "outcome": None,
            "paid": succeeded,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": cards.details_of(method),
            "refunded": False,
            "status": status,
        }
    )
