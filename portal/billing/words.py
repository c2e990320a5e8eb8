"""What pages say about a license and its subscription: sentences per language, made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from flask_babel import gettext as _
from flask_babel import ngettext


@dataclass(frozen=True)
class Words:
    """The sentences of the license cards in one language; `%(…)s` is filled in per card."""

    trial: str
    subscription: str
    expired: str
    blocked: str
    perpetual: str
    never: str
    machines: str
    machines_without_limit: str
    renews: str
    active: str
    free_until: str
    free_then_ends: str
    ends: str
    ended: str
    ended_some_day: str
    past_due: str
    unpaid: str
    paused: str
    incomplete: str
    never_paid: str
    other_status: str
    if_canceled: str
    if_over: str
    if_over_some_day: str
    key_ends: str
    key_after_end: str
    key_past_due: str
    key_paused: str
    key_incomplete: str
    key_other: str
    key_blocked: str
    key_expired: str


@lru_cache(maxsize=32)
def words(locale: str) -> Words:
    """The sentences in the language of the running request, which `locale` names."""
    return Words(
        trial=_("Trial license"),
        subscription=_("Subscription"),
        expired=_("Expired"),
        blocked=_("Blocked"),
        perpetual=_("Perpetual"),
        never=_("Never"),
        machines=_("%(used)s of %(most)s"),
        machines_without_limit=_("%(used)s, no limit"),
        renews=_("renews on %(day)s"),
        active=_("active"),
        free_until=_("free trial until %(day)s"),
        free_then_ends=_("free trial until %(day)s, then it ends"),
        ends=_("ends on %(day)s"),
        ended=_("ended on %(day)s"),
        ended_some_day=_("ended"),
        past_due=_("payment failed"),
        unpaid=_("not paid"),
        paused=_("paused"),
        incomplete=_("waiting for the first payment"),
        never_paid=_("never started: the first payment was not made"),
        other_status=_("status at Stripe: %(status)s"),
        if_canceled=_("If you cancel, the key works until %(end)s; if a payment fails, until %(day)s."),
        if_over=_("If you cancel or a payment fails, the key works until %(day)s."),
        if_over_some_day=_("If you cancel or a payment fails, the key works until the paid period is over."),
        key_ends=_("The key works until %(day)s."),
        key_after_end=_("The key no longer comes with it."),
        key_past_due=_("Update the payment method to keep the key."),
        key_paused=_("The key starts again when the subscription does."),
        key_incomplete=_("The key starts as soon as the payment arrives."),
        key_other=_("The key stays as it is."),
        key_blocked=_("The key is blocked, whatever happens to the subscription. Please write to us."),
        key_expired=_("The key has expired. If you have paid, please write to us."),
    )


@lru_cache(maxsize=4096)
def distance(days: int, locale: str) -> str:
    """How far a day is, in words: *in 23 days*, *today*, *4 days ago*."""
    if days == 0:
        return str(_("today"))
    if days > 0:
        return str(ngettext("in %(num)s day", "in %(num)s days", days))
    return str(ngettext("%(num)s day ago", "%(num)s days ago", -days))


@lru_cache(maxsize=1024)
def per_period(price: str, interval: str, count: int, locale: str) -> str:
    """A price with its period: *€19.00 per month*, *€50.00 every 3 months*."""
    if count == 1:
        forms = {
            "day": _("%(price)s per day", price=price),
            "week": _("%(price)s per week", price=price),
            "month": _("%(price)s per month", price=price),
            "year": _("%(price)s per year", price=price),
        }
    else:
        forms = {
            "day": ngettext("%(price)s every day", "%(price)s every %(num)s days", count, price=price),
            "week": ngettext("%(price)s every week", "%(price)s every %(num)s weeks", count, price=price),
            "month": ngettext("%(price)s every month", "%(price)s every %(num)s months", count, price=price),
            "year": ngettext("%(price)s every year", "%(price)s every %(num)s years", count, price=price),
        }
    return str(forms.get(interval, price))


@lru_cache(maxsize=1024)
def one_of(keys: int, locale: str) -> str:
    """That a subscription pays other licenses too."""
    return str(ngettext("one of %(num)s in this subscription", "one of %(num)s in this subscription", keys))


@lru_cache(maxsize=256)
def why_blocked(because: str, locale: str) -> str:
    """Why a key is blocked, where that follows from money; empty where staff did it. because: as on a paid unit."""
    reasons = {
        "ended": _("The key is blocked: the subscription has ended."),
        "unpaid": _("The key is blocked: the last bills were not paid. It works again as soon as they are."),
        "refunded": _("The key is blocked: the payment was refunded."),
        "disputed": _("The key is blocked: the payment is disputed at the bank."),
        "quantity": _("The key is blocked: the subscription covers fewer keys now."),
        "moved": _("The key is blocked: the subscription covers another product now."),
    }
    return str(reasons.get(because, ""))
