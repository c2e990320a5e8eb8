"""What a vendor adds to a payment link, a pricing table or a buy button, so that the purchase finds its customer.

It travels as Stripe's `client_reference_id`: at most 200 letters, digits, `-` and `_`; Stripe drops anything else.
"""

from __future__ import annotations

import re

from portal import crypto

PURPOSE = "client_reference_id"
_SHAPE = re.compile(r"customer_(?P<id>[1-9][0-9]{0,9})_(?P<digest>[0-9a-f]{64})", re.ASCII)


def reference_of(vendor_id: int, customer_id: int) -> str:
    """The same for a customer every time; nobody can make another customer's."""
    return f"customer_{customer_id}_{crypto.keyed_digest(_about(vendor_id, customer_id), PURPOSE)}"


def customer_in(vendor_id: int, reference: str) -> int | None:
    """The customer whom a reference of this vendor's names, or None. A claim: whoever has a link can spread it."""
    found = _SHAPE.fullmatch(reference)
    if found is None:
        return None
    customer_id = int(found["id"])
    return customer_id if crypto.matches(_about(vendor_id, customer_id), PURPOSE, found["digest"]) else None


def _about(vendor_id: int, customer_id: int) -> str:
    return f"{vendor_id}:{customer_id}"
