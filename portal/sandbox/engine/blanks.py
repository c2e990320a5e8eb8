"""What new subscriptions and invoices look like before anything particular is known of them.

Shared between documents, so nothing in here is ever changed in place.
"""

from portal.sandbox.ledger import Document

NO_DETAILS: Document = {"comment": None, "feedback": None, "reason": None}

_SUBSCRIPTION_NULLS = """
    application application_fee_percent billing_cycle_anchor_config billing_thresholds cancel_at canceled_at
    default_source ended_at latest_invoice next_pending_invoice_item_invoice on_behalf_of pause_collection
    pending_invoice_item_interval pending_setup_intent pending_update schedule test_clock transfer_data
"""
SUBSCRIPTION: Document = dict.fromkeys(_SUBSCRIPTION_NULLS.split()) | {
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_schedules": [],
    "cancel_at_period_end": False,
    "cancellation_details": NO_DETAILS,
    "default_tax_rates": [],
    "discounts": [],
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "livemode": False,
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
    "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
}

_INVOICE_NULLS = """
    account_tax_ids application automatically_finalizes_at custom_fields customer_phone customer_shipping
    default_payment_method default_source description footer from_invoice invoice_pdf last_finalization_error
    latest_revision next_payment_attempt on_behalf_of receipt_number rendering shipping_cost shipping_details
    statement_descriptor test_clock webhooks_delivered_at
"""
_INVOICE_ZEROS = """
    amount_overpaid amount_paid amount_paid_off_stripe amount_shipping attempt_count
    post_payment_credit_notes_amount pre_payment_credit_notes_amount
"""
_INVOICE_LISTS = """
    customer_tax_ids default_tax_rates discounts total_discount_amounts total_pretax_credit_amounts total_taxes
"""
INVOICE: Document = {
    **dict.fromkeys(_INVOICE_NULLS.split()),
    **dict.fromkeys(_INVOICE_ZEROS.split(), 0),
    **{name: [] for name in _INVOICE_LISTS.split()},
    "account_country": "US",
    "account_name": "Sandbox",
    "attempted": False,
    "auto_advance": False,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "issuer": {"type": "self"},
    "livemode": False,
    "metadata": {},
    "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
    "status": "open",
}
