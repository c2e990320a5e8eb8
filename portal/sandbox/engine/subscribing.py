"""Starting a subscription: checks, items, first period, first invoice."""

from collections.abc import Sequence
from typing import Any

from portal.sandbox.accidents import orders
from portal.sandbox.engine import billed, blanks, cards, due, invoicing, periods, policies
from portal.sandbox.errors import StripeError, card_declined
from portal.sandbox.ledger import Document, Ledger

FLEXIBLE_SINCE = "2025-09-30.clover"
DAY = 86_400


def price_for_sale(ledger: Ledger, price_id: str | None, param: str) -> Document:
    """An active recurring price. Raises StripeError."""
    price = ledger.get("price", price_id, param)
    if not price["active"]:
        raise StripeError("The price specified is inactive. This field only accepts active prices.", param=param)
    if price["type"] != "recurring":
        raise StripeError(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param=param,
        )
    return price


def billing_mode(ledger: Ledger, params: Any, version: str) -> Document:
    """The asked-for billing mode, else one that was ordered as an accident, else the API version's default."""
    asked = params.get("billing_mode") or {}
    kind = asked.get("type") or _ordered_mode(ledger) or ("flexible" if version >= FLEXIBLE_SINCE else "classic")
    if kind == "classic":
        return {"flexible": None, "type": "classic"}
    discounts = (asked.get("flexible") or {}).get("proration_discounts", "included")
    return {"flexible": {"proration_discounts": discounts}, "type": "flexible", "updated_at": ledger.now}


def _ordered_mode(ledger: Ledger) -> str | None:
    about = {"object": "subscription"}
    accident = orders.strike(ledger.connection, ledger.account, ["billing_mode"], lambda facts: True, about, ledger.now)
    return str(accident.facts.get("mode", "classic")) if accident else None


def add_item(ledger: Ledger, subscription: Document, price: Document, start: int, end: int, given: Any) -> Document:
    """A new item; start and end: its current period."""
    return ledger.add(
        "subscription_item",
        {
            "billing_thresholds": None,
            "current_period_end": end,
            "current_period_start": start,
            "discounts": [],
            "metadata": {key: value for key, value in (given.get("metadata") or {}).items() if value},
            "price": price["id"],
            "quantity": given.get("quantity", 1),
            "subscription": subscription["id"],
            "tax_rates": [],
        },
    )


def start(ledger: Ledger, params: Any, version: str) -> Document:
    """Make the subscription that the API parameters describe. Raises StripeError."""
    ledger.get("customer", params.get("customer"), "customer")
    wanted = params.get("items") or []
    if not wanted:
        raise StripeError("Missing required param: items.", code="parameter_missing", param="items")
    prices = [price_for_sale(ledger, item.get("price"), f"items[{at}][price]") for at, item in enumerate(wanted)]
    return begin(ledger, params, version, prices)


def begin(
    ledger: Ledger, params: Any, version: str, prices: list[Document], once: Sequence[billed.Line] = ()
) -> Document:
    """Start with these prices, one for each of the `items`. once: further lines of the first invoice."""
    customer = ledger.get("customer", params.get("customer"), "customer")
    mode = billing_mode(ledger, params, version)
    _check_prices(prices, mode)
    trial_end = _trial_end(params, ledger.now)
    subscription = ledger.add("subscription", _new(ledger, params, customer, prices[0], mode, trial_end))
    items = []
    for price, given in zip(prices, params["items"], strict=True):
        end = trial_end or periods.end_after(ledger.now, price["recurring"], ledger.now)
        items.append(add_item(ledger, subscription, price, ledger.now, end, given))
    set_cancel(ledger, subscription, params, items)
    invoice = invoicing.issue(
        ledger,
        subscription,
        [*(billed.line_for(ledger, item, free=trial_end is not None) for item in items), *once],
        "subscription_create",
    )
    _collect_first(ledger, subscription, customer, invoice, params.get("payment_behavior") or "allow_incomplete")
    return due.save(ledger, subscription)


def _check_prices(prices: list[Document], mode: Document) -> None:
    if len({price["currency"] for price in prices}) > 1:
        raise StripeError("All prices on a subscription must have the same currency.", param="items")
    intervals = {(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price in prices}
    if len(intervals) > 1 and mode["type"] == "classic":
        raise StripeError(
            "Currently, all prices on a subscription must have the same `recurring.interval` and "
            "`recurring.interval_count`. Flexible billing mode allows mixed intervals.",
            param="items",
        )


def _trial_end(params: Any, now: int) -> int | None:
    asked = params.get("trial_end")
    if asked == "now":
        return None
    if asked is not None:
        if asked <= now:
            raise StripeError("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
        return int(asked)
    days = params.get("trial_period_days")
    return now + days * DAY if days else None


def check_method(ledger: Ledger, method: str | None, customer: str) -> None:
    """A default payment method must be the customer's own. Raises StripeError."""
    if method and ledger.get("payment_method", method, "default_payment_method")["customer"] != customer:
        raise StripeError(
            f"The customer does not have a payment method with the ID {method}. The payment method must be attached to "
            "the customer.",
            code="resource_missing",
            param="default_payment_method",
        )


def _new(
    ledger: Ledger, params: Any, customer: Document, price: Document, mode: Document, trial_end: int | None
) -> Document:
    by_mail = params.get("collection_method") == "send_invoice"
    if by_mail and params.get("days_until_due") is None:
        raise StripeError(
            "If you set `collection_method` to `send_invoice`, you must also set `days_until_due`.",
            param="days_until_due",
        )
    method = params.get("default_payment_method")
    check_method(ledger, method, customer["id"])
    settings = blanks.SUBSCRIPTION["payment_settings"] | (params.get("payment_settings") or {})
    return blanks.SUBSCRIPTION | {
        "billing_cycle_anchor": trial_end or ledger.now,
        "billing_mode": mode,
        "collection_method": params.get("collection_method") or "charge_automatically",
        "currency": price["currency"],
        "customer": customer["id"],
        "days_until_due": params.get("days_until_due"),
        "default_payment_method": method,
        "description": params.get("description"),
        "metadata": {key: value for key, value in (params.get("metadata") or {}).items() if value},
        "payment_settings": settings,
        "start_date": ledger.now,
        "status": "trialing" if trial_end else "active",
        "trial_end": trial_end,
        "trial_settings": params.get("trial_settings") or blanks.SUBSCRIPTION["trial_settings"],
        "trial_start": ledger.now if trial_end else None,
    }


def _collect_first(
    ledger: Ledger, subscription: Document, customer: Document, invoice: Document, behavior: str
) -> None:
    if subscription["collection_method"] == "send_invoice":
        if invoice["amount_due"] == 0:
            invoicing.settle(ledger, invoice)
        return
    ledger.save(subscription)
    method = cards.paying_method(ledger, customer, subscription["default_payment_method"])
    if invoice["amount_due"] and behavior == "processing":
        invoicing.settle(ledger, invoice, method=method, later=True)
        subscription["status"] = policies.read(ledger, "subscription_while_processing")
    elif invoice["amount_due"] and behavior == "default_incomplete":
        subscription["status"] = "incomplete"
    elif invoice["amount_due"] and method is None:
        raise StripeError(
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/"
            "payment-methods-setting#payment-method-priority.",
            code="resource_missing",
        )
    elif not invoicing.settle(ledger, invoice):
        if behavior == "error_if_incomplete":
            raise card_declined()
        subscription["status"] = "incomplete"


def set_cancel(ledger: Ledger, subscription: Document, params: Any, items: list[Document]) -> None:
    """Apply `cancel_at` and `cancel_at_period_end` as given through the API.

    Classic mode fills `cancel_at` together with `cancel_at_period_end`; flexible mode leaves it alone.
    """
    if params.get("cancel_at") is not None and params.get("cancel_at_period_end"):
        raise StripeError(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.", param="cancel_at"
        )
    ends = [item["current_period_end"] for item in items]
    given = {name for name in ("cancel_at", "cancel_at_period_end") if name in params}
    if not given:
        return
    at = params.get("cancel_at")
    at = {"min_period_end": min(ends), "max_period_end": max(ends)}.get(at, at) if at else None
    if at is not None and at <= ledger.now:
        raise StripeError("`cancel_at` must be a timestamp in the future.", param="cancel_at")
    at_period_end = bool(params.get("cancel_at_period_end"))
    if at_period_end and subscription["billing_mode"]["type"] == "classic":
        at = max(ends)
    subscription |= {"cancel_at": at, "cancel_at_period_end": at_period_end}
    if at or at_period_end:
        subscription["canceled_at"] = ledger.now
        subscription["cancellation_details"] = subscription["cancellation_details"] | {
            "reason": "cancellation_requested"
        }
    else:
        subscription |= {"canceled_at": None, "cancellation_details": blanks.NO_DETAILS}
