"""What happens to single webhook deliveries."""

from portal.sandbox.accidents import orders
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.webhooks import schedule

KINDS = ("duplicate", "reorder", "late", "lost", "swallowed", "wrong_signature", "wrong_time", "older_shape")
OLDER_VERSION = "2024-06-20"


def add_delivery(ledger: Ledger, event: Document, endpoint: str) -> None:
    """Plan the delivery of an event; an ordered accident may make it two, none, late, or a bad one.

    lost: never sent and given up. swallowed: never sent, but counted as delivered (somebody else answered for us).
    wrong_time: signed properly, but so many seconds off. reorder: held until as many as ordered have come together,
    then sent newest first.
    """
    accident = orders.strike(
        ledger.connection,
        ledger.account,
        KINDS,
        lambda facts: not facts.get("types") or event["type"] in facts["types"],
        {"event": event["id"], "type": event["type"]},
        ledger.now,
    )
    kind, facts = (accident.kind, accident.facts) if accident else ("", {})
    due_at = ledger.now + int(facts.get("seconds", 3600)) if kind == "late" else ledger.now
    state = {"lost": "failed", "swallowed": "delivered", "reorder": "held"}.get(kind, "pending")
    twist = {
        "wrong_signature": {"wrong_signature": True},
        "wrong_time": {"signed_seconds_off": facts.get("seconds", -600)},
        "older_shape": {"api_version": facts.get("api_version", OLDER_VERSION)},
    }.get(kind)
    for _copy in range(1 + int(facts.get("copies", 1)) if kind == "duplicate" else 1):
        schedule.add(ledger, event["id"], endpoint, state=state, due_at=due_at, twist=twist)
    if accident and kind == "reorder" and not accident.left:
        release(ledger)


def release(ledger: Ledger) -> int:
    """Send what was held back, newest first. Returns how many."""
    freed = ledger.connection.execute(
        "UPDATE deliveries SET state = 'pending', due_at = ?, rank = -id WHERE state = 'held' AND account = ?",
        (ledger.now, ledger.account),
    )
    return freed.rowcount
