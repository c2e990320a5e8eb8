"""What each finding means for customers, and what to do about it. The values of a finding fill the `%(…)s`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal import formatters
from portal.errors import Invalid
from portal.licenses import create_key
from portal.stripe_doctor.findings import Finding
from portal.stripe_doctor.wording_catalog import CATALOG
from portal.stripe_doctor.wording_portal import CUSTOMERS, PORTAL

KEY = {
    "key_unrestricted": (
        _l("The API key may do everything"),
        _l("Whoever gets hold of it can do anything with your Stripe account, move money included."),
        _l("Make a restricted key with the permissions listed on your profile page, and enter it there."),
    ),
    "permission_missing": (
        _l("The key lacks the permission %(name)s: %(level)s"),
        _l("A part of the way from payment to key does not work."),
        _l("Edit the key in Stripe's dashboard, set %(name)s to %(level)s, and save."),
    ),
    "permission_set_up": (
        _l("The key lacks the permission %(name)s: %(level)s"),
        _l("Customers notice nothing. Only the repairs on this page need it."),
        _l("Edit the key in Stripe's dashboard, set %(name)s to %(level)s, or do these repairs in the dashboard."),
    ),
    "not_looked": (
        _l("One part could not be looked at: %(part)s"),
        _l("Something may be wrong there without showing here."),
        _l("Give the key the permissions listed on your profile page."),
    ),
    "other_mode": (
        _l("Records of the other mode are kept apart"),
        _l("%(customers)s customers and %(subscriptions)s subscriptions were read in %(mode)s mode; not used now."),
        _l("Nothing to do. They count again when you enter a key of that mode."),
    ),
    "clock_fast": (
        _l("This server's clock is %(seconds)s seconds fast"),
        _l("Stripe's signatures carry a time; from 300 seconds on, every event is refused."),
        _l("Have the server's clock set by NTP (on most systems: timedatectl set-ntp true)."),
    ),
    "clock_slow": (
        _l("This server's clock is %(seconds)s seconds slow"),
        _l("Stripe's signatures carry a time; from 300 seconds on, every event is refused."),
        _l("Have the server's clock set by NTP (on most systems: timedatectl set-ntp true)."),
    ),
}
LATE = _l("Payments are noticed only when Stripe is asked, up to 15 minutes later.")
WEBHOOKS = {
    "endpoint_missing": (
        _l("Stripe has no webhook endpoint with your address"),
        LATE,
        _l("Make the endpoint %(url)s. Its signing secret is stored here at once."),
    ),
    "endpoint_disabled": (
        _l("The webhook endpoint is disabled"),
        LATE,
        _l("Switch it on again. Stripe disables an endpoint that has failed for days."),
    ),
    "endpoint_wrong_events": (
        _l("The webhook endpoint is not told of everything"),
        _l("Missing: %(types)s. What happens there is noticed up to 15 minutes later."),
        _l("Add the missing events; those you have stay."),
    ),
    "endpoint_wrong_version": (
        _l("The webhook endpoint speaks API version %(version)s"),
        _l("Events may lose fields when Stripe changes your account's version."),
        _l("Make a new endpoint with the right version; Stripe cannot change it. The old one is deleted."),
    ),
    "endpoint_wrong_mode": (
        _l("The webhook endpoint belongs to the other mode"),
        LATE,
        _l("Make an endpoint for this mode."),
    ),
    "endpoint_duplicate": (
        _l("Several endpoints have your address"),
        _l("Stripe tells everything more than once, or signs it with a secret that is not known here: %(ids)s."),
        _l("Delete the others; the endpoint in use stays."),
    ),
    "address_not_public": (
        _l("Stripe cannot reach this installation"),
        _l("%(url)s is not a public https address."),
        _l("Set LATCHKEY_BASE_URL to the public address of this server and start it again."),
    ),
    "secret_missing": (
        _l("The signing secret of the endpoint is not known here"),
        _l("Every event is refused, because nobody can tell whether it comes from Stripe."),
        _l("Make a new endpoint; its secret is stored here at once. The old one is deleted."),
    ),
    "secret_of_another": (
        _l("The stored signing secret belongs to another endpoint"),
        _l("Every event is refused, because its signature does not fit."),
        _l("Make a new endpoint; its secret is stored here at once. The old one is deleted."),
    ),
    "undelivered": (
        _l("Stripe could not deliver its latest event"),
        _l(
            "It was %(type)s, of %(at)s. The signing secret may be another endpoint's, or a firewall, a login or a "
            "redirect stands before the address."
        ),
        _l("Make the endpoint anew, with a new secret. If it goes on, see in Stripe's dashboard what answers it got."),
    ),
    "undelivered_somewhere": (
        _l("Stripe could not deliver its latest event to one of your endpoints"),
        _l(
            "It was %(type)s, of %(at)s. Your account has %(others)s further endpoints; if ours is meant, payments are "
            "noticed late."
        ),
        _l("Look in Stripe's dashboard which endpoint fails; if it is this one, make it anew."),
    ),
    "events_behind": (
        _l("Nothing has arrived from Stripe for a while"),
        _l("Stripe has an event of %(at)s; the newest one here is of %(ours)s. Payments are not turned into keys."),
        _l("See that the worker runs (latchkey worker), then run the checks again."),
    ),
}
WORDS = {**KEY, **WEBHOOKS, **CATALOG, **PORTAL, **CUSTOMERS}


@dataclass(frozen=True)
class Words:
    """A finding for a page. title: what is wrong. meaning: for customers. fix: the exact instruction."""

    title: str
    meaning: str
    fix: str


def of(finding: Finding) -> Words:
    """In the language of the running request."""
    values = _shown(finding)
    title, meaning, fix = (str(text) % values for text in WORDS[finding.code])
    return Words(title, meaning, fix)


def _shown(finding: Finding) -> dict[str, str]:
    """The values as people read them."""
    shown = {name: _text(name, value) for name, value in finding.values.items()}
    shown["about"] = finding.about
    if "livemode" in finding.values:
        shown["mode"] = _("live") if finding.values["livemode"] else _("test")
    if "currency" in finding.values:
        shown["price"] = _price(finding)
    if finding.code == "price_invalid":
        shown["reason"] = _reason(str(finding.values.get("text", "")))
    return shown


def _text(name: str, value: object) -> str:
    if name in ("at", "ours") and isinstance(value, str) and value[:2] == "20" and "T" in value:
        return formatters.moment(datetime.fromisoformat(value))
    if name == "part":
        return str(PARTS.get(str(value), value))
    if name == "feature":
        return str(FEATURE_NAMES.get(str(value), value))
    if name == "missing" and isinstance(value, list):
        return ", ".join(str(LINK_NAMES.get(one, one)) for one in value)
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "–" if value in (None, "") else str(value)


def _price(finding: Finding) -> str:
    amount = formatters.money(finding.values.get("amount_minor"), str(finding.values["currency"]))
    interval = str(finding.values.get("interval") or "")
    return f"{amount} / {INTERVALS[interval]}" if amount and interval in INTERVALS else amount or finding.about


def _reason(text: str) -> str:
    try:
        create_key.parse(text)
    except Invalid as error:
        return error.message
    return json.dumps(text)


INTERVALS = {"day": _l("day"), "week": _l("week"), "month": _l("month"), "year": _l("year")}
PARTS = {
    "customers": _l("customers"),
    "subscriptions": _l("subscriptions"),
    "webhooks": _l("webhook endpoints"),
    "events": _l("events"),
    "products": _l("products"),
    "prices": _l("prices"),
    "portal": _l("the customer portal's settings"),
    "permissions": _l("permissions"),
}
FEATURE_NAMES = {
    "payment_method_update": _l("change the payment method"),
    "subscription_cancel": _l("cancel a subscription"),
    "invoice_history": _l("see invoices"),
    "subscription_update": _l("change plans"),
    "customer_update": _l("change their details"),
}
LINK_NAMES = {"privacy": _l("privacy policy"), "terms": _l("terms of service")}
