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
    "billing_portal.configuration": "bpc",
    "billing_portal.session": "bps",
}


def random_text(length: int) -> str:
    """Unguessable letters and digits."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def new_id(kind: str) -> str:
    """A fresh id for an object of this kind, such as `cus_…`."""
    length = 14 if kind in ("customer", "product", "subscription_item") else 24
    return f"{PREFIXES[kind]}_{random_text(length)}"


def request_id() -> str:
    """The value of a Request-Id header."""
    return f"req_{random_text(14)}"


def passcode() -> str:
    """Six digits."""
    return f"{secrets.randbelow(10**6):06d}"
