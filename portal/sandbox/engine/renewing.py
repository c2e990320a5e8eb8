"""What time does by itself: renewals, ends of trials, planned cancellations."""

from collections.abc import Callable

from portal.sandbox.engine import billed, changing, completing, due, dunning, invoicing, periods
from portal.sandbox.journal import add_event, shown, written
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.store import Store

AT_ONCE = 200


def catch_up(store: Store, now: int, public_url: str) -> None:
    """Do everything that has come due, each thing at its own moment."""
    query = "SELECT account, kind, id, due_at FROM objects WHERE due_at <= ? ORDER BY due_at, position LIMIT ?"
    while store.connection().execute(query, (now, 1)).fetchone():
        with store.transaction() as connection:
            for row in connection.execute(query, (now, AT_ONCE)).fetchall():
                books = Ledger(connection, row["account"], row["due_at"], public_url)
                with written(books) as ledger:
                    STEPS[row["kind"]](ledger, ledger.get(row["kind"], row["id"], "id"))


def advance(ledger: Ledger, subscription: Document) -> None:
    """One step of one subscription; the ledger's time is the moment at which it happens."""
    items = due.items_of(ledger, subscription["id"])
    ends = [item["current_period_end"] for item in items]
    if subscription["status"] == "incomplete":
        due.save(ledger, subscription | {"ended_at": ledger.now, "status": "incomplete_expired"})
        _void_open(ledger, subscription)
    elif subscription["cancel_at"] and subscription["cancel_at"] <= ledger.now:
        changing.cancel_now(ledger, subscription, at=subscription["cancel_at"])
    elif subscription["cancel_at_period_end"] and max(ends) <= ledger.now:
        changing.cancel_now(ledger, subscription, at=max(ends))
    elif _resumes(subscription, ledger.now):
        due.save(ledger, subscription | {"pause_collection": None})
    elif subscription["status"] == "trialing" and subscription["trial_end"] > ledger.now:
        add_event(ledger, due.TRIAL_WILL_END, shown(ledger, subscription))
        due.save(ledger, subscription)
    elif subscription["status"] == "trialing":
        _trial_is_over(ledger, subscription)
    else:
        _renew(ledger, subscription, items)


def _resumes(subscription: Document, now: int) -> bool:
    at = (subscription["pause_collection"] or {}).get("resumes_at")
    return at is not None and at <= now


def _trial_is_over(ledger: Ledger, subscription: Document) -> None:
    customer = ledger.get("customer", subscription["customer"], "customer")
    has_card = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if has_card or behavior == "create_invoice":
        changing.end_trial(ledger, subscription)
    elif behavior == "pause":
        due.save(ledger, subscription | {"status": "paused"})
    else:
        changing.cancel_now(ledger, subscription)


def _renew(ledger: Ledger, subscription: Document, items: list[Document]) -> None:
    lines = []
    for item in items:
        end = item["current_period_end"]
        if end <= ledger.now:
            recurring = ledger.get("price", item["price"], "price")["recurring"]
            following = periods.end_after(subscription["billing_cycle_anchor"], recurring, end)
            item = ledger.save(item | {"current_period_start": end, "current_period_end": following})
            lines.append(billed.line_for(ledger, item))
    if lines:
        changing.collect(ledger, subscription, invoicing.issue(ledger, subscription, lines, "subscription_cycle"))
    due.save(ledger, subscription)


def _void_open(ledger: Ledger, subscription: Document) -> None:
    open_ones = ledger.all("invoice", status="open", **{"parent.subscription_details.subscription": subscription["id"]})
    for invoice in open_ones:
        invoicing.shelve(ledger, invoice, "void")


STEPS: dict[str, Callable[[Ledger, Document], object]] = {
    "checkout.session": completing.step,
    "invoice": dunning.step,
    "subscription": advance,
}
