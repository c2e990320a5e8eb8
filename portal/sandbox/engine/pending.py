"""Changes that wait for their payment (`pending_if_incomplete`): until the invoice is paid, everything stays as it was.

The sandbox lets such a change wait until it is paid or another change is made; at Stripe it expires.
"""

from portal.sandbox.engine import due
from portal.sandbox.ledger import Document, Ledger

BEHAVIOR = "pending_if_incomplete"
WAITS_SECONDS = 23 * 3600


def hold(ledger: Ledger, subscription: Document, item: Document, wanted: Document) -> Document:
    """Put the item back as it was, and note what it is to become."""
    ledger.save(item)
    waiting = wanted | {"price": ledger.get("price", wanted["price"], "price")}
    update = {
        "billing_cycle_anchor": None,
        "expires_at": ledger.now + WAITS_SECONDS,
        "subscription_items": [waiting],
        "trial_end": None,
        "trial_from_plan": None,
    }
    return due.save(ledger, subscription | {"pending_update": update})


def apply(ledger: Ledger, subscription: Document) -> Document:
    """The invoice is paid: what waited is so now."""
    for item in subscription["pending_update"]["subscription_items"]:
        ledger.save(item | {"price": item["price"]["id"]})
    return due.save(ledger, subscription | {"pending_update": None})
