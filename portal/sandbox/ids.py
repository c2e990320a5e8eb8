"""Identifiers in Stripe's shape."""

import secrets
import string

LETTERS = string.ascii_letters + string.digits

PREFIXES = {
    "account": "acct",
    "customer": "cus",
    "product": "prod",
    "price": "price",
    "subscription": "sub",
    "subscription_item": "si",
    "invoice": "in",
    "line_item": "il",
    "payment_method": "pm",
    "event": "evt",
    "webhook_endpoint": "we",
    "checkout.session": "cs_test",
    "item": "li",
    "payment_intent": "pi",
    "charge": "ch",
    "refund": "re",
    "dispute": "du",
    "invoice_payment": "inpay",
    "invoiceitem": "ii",
    "payment_link": "plink",
    "billing_portal.configuration": "bpc",
    "billing_portal.session": "bps",
}


def random_text(length: int) -> str:
    """Unguessable letters and digits."""
    number = secrets.randbits(6 * length)
    found = []
    for _ in range(length):
        number, rest = divmod(number, len(LETTERS))
        found.append(LETTERS[rest])
    return "".join(found)


def new_id(kind: str) -> str:
    """A fresh id for an object of this kind, such as `cus_…`."""
    length = {"checkout.session": 58, "customer": 14, "product": 14, "subscription_item": 14}.get(kind, 24)
    return f"{PREFIXES[kind]}_{random_text(length)}"


def request_id() -> str:
    """The value of a Request-Id header."""
    return f"req_{random_text(14)}"


def passcode() -> str:
    """Six digits."""
    return f"{secrets.randbelow(10**6):06d}"
