"""What happens to an invoice that was not paid: tried again a few times, then given up as the account has chosen."""

from portal.sandbox.engine import changing, due, invoicing, policies
from portal.sandbox.ledger import Document, Ledger


def step(ledger: Ledger, invoice: Document) -> None:
    """The day of the next try has come."""
    subscription = invoicing.subscription_of(ledger, invoice)
    if invoicing.settle(ledger, invoice):
        if subscription:
            invoicing.revive(ledger, subscription)
    elif not invoicing.plan_retry(ledger, invoice) and subscription and subscription["status"] == "past_due":
        _give_up(ledger, subscription)


def _give_up(ledger: Ledger, subscription: Document) -> None:
    ending = policies.read(ledger, "after_retries")
    if ending == "canceled":
        changing.cancel_now(ledger, subscription, {"reason": "payment_failed"})
    elif ending == "unpaid":
        due.save(ledger, subscription | {"status": "unpaid"})
