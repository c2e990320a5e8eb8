"""What the hosted pages show of subscriptions, prices and invoices."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from flask_babel import format_currency, format_date, ngettext
from flask_babel import gettext as _

from portal.sandbox.engine import cards, due
from portal.sandbox.engine.changing import ENDED
from portal.sandbox.hosted.visits import Visit
from portal.sandbox.ledger import Document, Ledger

NO_DECIMALS = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)


def money(amount: int, currency: str) -> str:
    """An amount in the smallest unit, as people read it."""
    value = Decimal(amount) if currency in NO_DECIMALS else Decimal(amount) / 100
    return str(format_currency(value, currency.upper()))


def day(moment: int | None) -> str:
    """A date in the visitor's language."""
    return str(format_date(datetime.fromtimestamp(moment, UTC), "long")) if moment else ""


def price_text(price: Document) -> str:
    """Amount and interval, such as `$10.00 per month`."""
    amount = money(price["unit_amount"], price["currency"])
    recurring = price["recurring"]
    if not recurring:
        return amount
    count = recurring["interval_count"]
    every = {
        "day": ngettext("%(amount)s per day", "%(amount)s every %(num)s days", count, amount=amount),
        "week": ngettext("%(amount)s per week", "%(amount)s every %(num)s weeks", count, amount=amount),
        "month": ngettext("%(amount)s per month", "%(amount)s every %(num)s months", count, amount=amount),
        "year": ngettext("%(amount)s per year", "%(amount)s every %(num)s years", count, amount=amount),
    }
    return str(every[recurring["interval"]])


def status_text(status: str) -> str:
    """The state in words."""
    return {
        "active": _("Active"),
        "canceled": _("Canceled"),
        "incomplete": _("Incomplete"),
        "incomplete_expired": _("Expired"),
        "past_due": _("Past due"),
        "paused": _("Paused"),
        "trialing": _("Trial"),
        "unpaid": _("Unpaid"),
        "draft": _("Draft"),
        "open": _("Open"),
        "paid": _("Paid"),
        "uncollectible": _("Uncollectible"),
        "void": _("Void"),
    }.get(status, status)


@dataclass(frozen=True)
class ShownPlan:
    """One subscription as its card shows it."""

    id: str
    name: str
    prices: list[str]
    status: str
    status_text: str
    note: str
    ends_on: str
    can_cancel: bool
    can_resume: bool
    can_update: bool


def product_name(ledger: Ledger, price: Document) -> str:
    """What the price is for."""
    return str((ledger.find("product", price["product"]) or {}).get("name", price["product"]))


def plan(visit: Visit, subscription: Document) -> ShownPlan:
    """The card of a subscription."""
    items = due.items_of(visit.ledger, subscription["id"])
    priced = [(visit.ledger.get("price", item["price"], "price"), item["quantity"]) for item in items]
    prices = [price_text(price) if quantity == 1 else f"{quantity} × {price_text(price)}" for price, quantity in priced]
    period_end = max(item["current_period_end"] for item in items)
    is_over = subscription["status"] in ENDED
    planned = bool(subscription["cancel_at"] or subscription["cancel_at_period_end"]) and not is_over
    ends = subscription["cancel_at"] or period_end
    if is_over:
        note = _("Ended on %(date)s", date=day(subscription["ended_at"]))
    elif planned:
        note = _("Ends on %(date)s", date=day(ends))
    elif subscription["status"] == "trialing":
        note = _("The trial ends on %(date)s, then you are charged", date=day(period_end))
    elif subscription["status"] in ("past_due", "incomplete", "unpaid"):
        note = _("The last payment failed. Add a card that works.")
    else:
        note = _("Renews on %(date)s", date=day(period_end))
    cancel, update = visit.features["subscription_cancel"], visit.features["subscription_update"]
    return ShownPlan(
        id=subscription["id"],
        name=", ".join(dict.fromkeys(product_name(visit.ledger, price) for price, _quantity in priced)),
        prices=prices,
        status=subscription["status"],
        status_text=status_text(subscription["status"]),
        note=note,
        ends_on=day(ends if cancel["mode"] == "at_period_end" else visit.ledger.now),
        can_cancel=cancel["enabled"] and not is_over and not planned,
        can_resume=planned,
        can_update=update["enabled"]
        and not is_over
        and subscription["status"] != "incomplete"
        and len(items) == 1
        and subscription["collection_method"] == "charge_automatically",
    )


def card_text(method: Document) -> str:
    """Brand and last digits."""
    if method["type"] == "sepa_debit":
        return _("Bank account •••• %(digits)s", digits=cards.last4(method))
    brand = {"amex": "American Express"}.get(method["card"]["brand"], method["card"]["brand"].title())
    return f"{brand} •••• {method['card']['last4']}"


def card_choices() -> list[tuple[str, str]]:
    """The test cards a visitor may enter: name and label."""
    labels = {
        "pm_card_visa": _("Visa ending in 4242: every payment succeeds"),
        "pm_card_mastercard": _("Mastercard ending in 4444: every payment succeeds"),
        "pm_card_amex": _("American Express ending in 0005: every payment succeeds"),
        "pm_card_chargeCustomerFail": _("Visa ending in 0341: is accepted, but later payments fail"),
        "pm_card_chargeDeclined": _("Visa ending in 0002: is declined at once"),
    }
    return [(name, labels[name]) for name in cards.TEST_CARDS]
