"""Changes to a running subscription: cancel, resume, another price, end of trial. Used by the API and the portal."""

from collections.abc import Iterable
from dataclasses import replace

from portal.sandbox.engine import billed, due, invoicing, pending, periods
from portal.sandbox.engine.blanks import NO_DETAILS
from portal.sandbox.errors import StripeError, card_declined
from portal.sandbox.ledger import Document, Ledger

SHELVED = {"keep_as_draft": "draft", "mark_uncollectible": "uncollectible", "void": "void"}
ENDED = ("canceled", "incomplete_expired")
ALWAYS = {"expand", "metadata"}
STILL = {"incomplete": ALWAYS | {"default_payment_method"}} | dict.fromkeys(ENDED, ALWAYS | {"cancellation_details"})


def check_may_change(subscription: Document, named: Iterable[str]) -> None:
    """Refuse what Stripe refuses of a subscription that is over, or whose first invoice is not paid yet.

    named: the fields that a call wants to change.
    """
    status = subscription["status"]
    if status not in STILL or STILL[status].issuperset(named):
        return
    if status in ENDED:
        raise StripeError("A canceled subscription can only update its cancellation_details and metadata.")
    raise StripeError("A subscription that is `incomplete` can only update its default_payment_method and metadata.")


def cancel_now(
    ledger: Ledger, subscription: Document, details: Document | None = None, at: int | None = None
) -> Document:
    """End it. details: `comment` and `feedback` of the customer; at: when it ended, if not now."""
    reason = {"reason": "cancellation_requested"} | (details or {})
    return due.save(
        ledger,
        subscription
        | {
            "cancellation_details": subscription["cancellation_details"] | reason,
            "canceled_at": subscription["canceled_at"] or ledger.now,
            "ended_at": at or ledger.now,
            "status": "canceled",
        },
    )


def cancel_later(ledger: Ledger, subscription: Document, details: Document | None = None) -> Document:
    """End it with the period, as the billing portal does: in flexible mode only `cancel_at` tells."""
    end = max(item["current_period_end"] for item in due.items_of(ledger, subscription["id"]))
    return due.save(
        ledger,
        subscription
        | {
            "cancel_at": end,
            "cancel_at_period_end": subscription["billing_mode"]["type"] == "classic",
            "canceled_at": ledger.now,
            "cancellation_details": NO_DETAILS | {"reason": "cancellation_requested"} | (details or {}),
        },
    )


def resume(ledger: Ledger, subscription: Document) -> Document:
    """Take a planned cancellation back."""
    return due.save(
        ledger,
        subscription
        | {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None, "cancellation_details": NO_DETAILS},
    )


def collect(ledger: Ledger, subscription: Document, invoice: Document, behavior: str = "allow_incomplete") -> None:
    """Charge for a change or renewal; a refused card makes the subscription past due and is tried again."""
    ledger.save(subscription)
    if subscription["pause_collection"]:
        invoicing.shelve(ledger, invoice, SHELVED[subscription["pause_collection"]["behavior"]])
        return
    if subscription["collection_method"] == "send_invoice" and invoice["amount_due"]:
        return
    if not invoicing.settle(ledger, invoice):
        if behavior == "error_if_incomplete":
            raise card_declined()
        subscription["status"] = "past_due"
        invoicing.plan_retry(ledger, invoice)


def end_trial(ledger: Ledger, subscription: Document, behavior: str = "allow_incomplete") -> Document:
    """The first paid period begins now, or when the trial ended. Takes and keeps changed items."""
    return _begin_anew(ledger, subscription | {"trial_end": ledger.now}, "subscription_cycle", behavior)


def restart(ledger: Ledger, subscription: Document) -> Document:
    """A paused subscription begins a new period and is paid again."""
    return _begin_anew(ledger, subscription, "subscription_update", "allow_incomplete")


def _begin_anew(ledger: Ledger, subscription: Document, reason: str, behavior: str) -> Document:
    subscription |= {"billing_cycle_anchor": ledger.now, "status": "active"}
    items = []
    for item in due.items_of(ledger, subscription["id"]):
        recurring = ledger.get("price", item["price"], "price")["recurring"]
        end = periods.end_after(ledger.now, recurring, ledger.now)
        items.append(ledger.save(item | {"current_period_start": ledger.now, "current_period_end": end}))
    lines = [billed.line_for(ledger, item) for item in items]
    collect(ledger, subscription, invoicing.issue(ledger, subscription, lines, reason), behavior)
    return due.save(ledger, subscription)


def switch(
    ledger: Ledger,
    subscription: Document,
    item: Document,
    price: Document,
    quantity: int,
    *,
    proration: str = "create_prorations",
    behavior: str = "allow_incomplete",
) -> Document:
    """Put the item on another price or quantity.

    Another interval starts a new period and is paid at once, less the unused part unless proration is `none`. The same
    interval is invoiced at once with `always_invoice`; the sandbox keeps no pending prorations for the next invoice.
    """
    if price["currency"] != subscription["currency"]:
        raise StripeError(
            f"Price `{price['id']}` is in {price['currency']}, but the subscription is in {subscription['currency']}.",
            param="items",
        )
    before, item_before = billed.line_for(ledger, item), item
    subscription |= {"pending_update": None}
    item = item | {"price": price["id"], "quantity": quantity}
    is_new_rhythm = _rhythm(price) != _rhythm(before.price) and subscription["status"] != "trialing"
    if is_new_rhythm:
        subscription["billing_cycle_anchor"] = ledger.now
        item |= {
            "current_period_end": periods.end_after(ledger.now, price["recurring"], ledger.now),
            "current_period_start": ledger.now,
        }
    ledger.save(item)
    after = billed.line_for(ledger, item)
    lines = []
    if is_new_rhythm:
        lines = [after] if proration == "none" else [_unused(ledger, before), after]
    elif proration == "always_invoice" and subscription["status"] != "trialing":
        lines = [_unused(ledger, before), _remaining(ledger, after)]
    if lines:
        invoice = invoicing.issue(ledger, subscription, lines, "subscription_update")
        if behavior != pending.BEHAVIOR or is_new_rhythm:
            collect(ledger, subscription, invoice, behavior)
        elif not invoicing.settle(ledger, invoice):
            return pending.hold(ledger, subscription, item_before, item)
    return due.save(ledger, subscription)


def _rhythm(price: Document) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def _unused(ledger: Ledger, line: billed.Line) -> billed.Line:
    """A credit for the part of the line's period that is still to come."""
    whole = max(1, line.end - line.start)
    share = max(0, line.end - ledger.now) / whole
    return replace(
        line,
        amount=-round(line.amount * share),
        start=ledger.now,
        end=max(line.end, ledger.now),
        description=f"Unused time on {line.description}",
        is_proration=True,
    )


def _remaining(ledger: Ledger, line: billed.Line) -> billed.Line:
    """What the part of the line's period that is still to come costs."""
    unused = _unused(ledger, line)
    return replace(unused, amount=-unused.amount, description=f"Remaining time on {line.description}")
