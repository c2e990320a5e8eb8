"""Keeping new customers."""

import secrets
import string

from portal.sandbox.ledger import Document, Ledger

NO_SETTINGS = {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None}


def new_customer(ledger: Ledger, given: Document | None = None) -> Document:
    """A customer of whom nothing is known but what is given."""
    blank: Document = {
        "address": None,
        "balance": 0,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(8)),
        "invoice_settings": NO_SETTINGS,
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    return ledger.add("customer", blank | (given or {}))
