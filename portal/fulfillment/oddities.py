"""What Stripe says that cannot be read. It takes nothing away from anybody; staff are told of it, and it is looked at
again until it can be read.
"""

from __future__ import annotations

from portal.fulfillment import states
from portal.fulfillment.facts import Facts

NOT_ADOPTED = "the key named in the metadata could not be adopted"


def notice_of(facts: Facts) -> str:
    """In a few plain words for the desk; empty where all can be read."""
    if facts.effect == states.LOOK:
        return f"unknown status: {facts.status[:60] or 'none'}"
    if facts.purchase is not None and any(line.is_paid and line.paid_until is None for line in facts.lines):
        return "paid, and the end of the paid period is missing"
    if any(line.is_paid and not line.is_certain for line in facts.lines):
        return "paid, and the quantity is missing"
    return ""
