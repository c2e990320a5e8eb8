"""A vendor's Stripe settings: kept sealed, checked with Stripe before they are stored."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete

from portal import crypto, unit_of_work
from portal.audit import service as audit
from portal.billing import gateway, orders, plans
from portal.billing.models import StripeAccount, StripeCustomer, Subscription
from portal.errors import Invalid
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.service import HasId

# What a restricted key needs, in the words of Stripe's dashboard.
PERMISSIONS = (
    ("Customers", "Write"),
    ("Customer portal", "Write"),
    ("Subscriptions", "Write"),
    ("Products", "Write"),
    ("Prices", "Write"),
    ("Invoices", "Write"),
    ("PaymentIntents", "Read"),
    ("Charges and Refunds", "Read"),
    ("Disputes", "Read"),
    ("Events", "Read"),
    ("Checkout Sessions", "Write"),
    ("Webhook Endpoints", "Write"),
)
MOST_SECRETS = 2
SIGNING_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]{3,190}\Z", re.ASCII)


@dataclass(frozen=True)
class AccountFacts:
    """A vendor's Stripe settings without the secrets. livemode: None until a key was set."""

    has_api_key: bool = False
    livemode: bool | None = None
    account_id: str = ""
    webhook_secret_count: int = 0
    portal_login_url: str = ""
    configuration_id: str = ""


def account_of(vendor: HasId) -> AccountFacts:
    """The settings as pages and commands may show them."""
    link = vendors.switches_of(vendors.get(vendor.id)).portal_login_link
    account = db.session.get(StripeAccount, vendor.id)
    if account is None:
        return AccountFacts(portal_login_url=link)
    return AccountFacts(
        has_api_key=bool(account.api_key),
        livemode=account.livemode,
        account_id=account.account_id,
        webhook_secret_count=len(webhook_secrets_of(account)),
        portal_login_url=link,
        configuration_id=account.configuration_id,
    )


def connection_of(vendor: HasId, **limits: float) -> gateway.Connection | None:
    """The way to the vendor's Stripe account, or None without a key. limits: see `gateway.Connection`."""
    account = db.session.get(StripeAccount, vendor.id)
    if account is None or not account.api_key:
        return None
    key = crypto.open_sealed(account.api_key, _place(vendor.id, "api_key"))
    return gateway.Connection(key, crypto.settings().stripe_api_base, **limits)  # type: ignore[arg-type]


def webhook_secrets_of(account: StripeAccount) -> list[str]:
    """The signing secrets, the newest first."""
    return list(opened_secrets(account.vendor_id, account.webhook_secrets))


def opened_secrets(vendor_id: int, sealed: str) -> tuple[str, ...]:
    """The signing secrets in the sealed column of a vendor's account."""
    if not sealed:
        return ()
    return tuple(json.loads(crypto.open_sealed(sealed, _place(vendor_id, "webhook_secrets"))))


def sealed_secrets(vendor_id: int, secrets: list[str]) -> str:
    """Signing secrets as the account's column holds them; the newest first, at most two."""
    return crypto.seal(json.dumps(secrets[:MOST_SECRETS]), _place(vendor_id, "webhook_secrets")) if secrets else ""


def revised_secrets(vendor: HasId, typed: Sequence[str], *, forget: bool) -> list[str] | None:
    """The signing secrets for `set_account` after a change, or None where nothing is changed.

    typed: each takes the place of the stored one in its position; an empty text keeps that. forget: those are dropped.
    """
    account = db.session.get(StripeAccount, vendor.id)
    stored = webhook_secrets_of(account) if account else []
    places = zip_longest(typed, [] if forget else stored, fillvalue="")
    revised = list(dict.fromkeys(new or old for new, old in places if new or old))
    return revised if any(typed) or revised != stored else None


def set_account(
    vendor: HasId,
    *,
    api_key: str | None = None,
    webhook_secrets: list[str] | None = None,
    portal_login_url: str | None = None,
) -> None:
    """Change what is given, keep what is None; an empty key removes the stored one.

    Asks Stripe whose key it is, and drops the caller's transaction for that: call it before any change. Raises Invalid
    with the field `api_key`, `webhook_secret` or `portal_login_url`, and Unreachable.
    """
    vendor_id = vendor.id
    _check_shapes(api_key, webhook_secrets)
    account_id = _ask_stripe(api_key) if api_key else ""
    if portal_login_url is not None:
        _set_login_link(vendor_id, portal_login_url)
    if api_key is None and webhook_secrets is None:
        return
    account = db.session.get(StripeAccount, vendor_id) or StripeAccount(
        vendor_id=vendor_id, api_key="", webhook_secrets="", account_id="", configuration_id=""
    )
    db.session.add(account)
    before = _audited(account)
    if api_key is not None:
        _store_key(account, api_key, account_id)
    if webhook_secrets is not None:
        account.webhook_secrets = sealed_secrets(vendor_id, webhook_secrets)
        account.endpoint_id = ""  # whose secret it is was not said
    db.session.flush()
    if api_key:
        plans.queue_sync(vendor_id)
    audit.record(vendor_id, "stripe.set", f"vendor:{vendor_id}", before=before, after=_audited(account))


def _audited(account: StripeAccount) -> dict[str, Any]:
    """What the record of a change may hold. webhook_signing: how many signing secrets are stored."""
    return {
        "livemode": account.livemode,
        "account_id": account.account_id,
        "has_key": bool(account.api_key),
        "webhook_signing": len(webhook_secrets_of(account)),
    }


def _check_shapes(api_key: str | None, webhook_secrets: list[str] | None) -> None:
    if api_key:
        if not gateway.is_stripe_key(api_key):
            raise Invalid(_("Type a secret or restricted key: it starts with rk_ or sk_."), field="api_key")
        if gateway.is_live_key(api_key) and crypto.settings().stripe_api_base:
            raise Invalid(_("This installation speaks to a stand-in for Stripe: test keys only."), field="api_key")
    if webhook_secrets and len(webhook_secrets) > MOST_SECRETS:
        raise Invalid(_("At most two signing secrets, while Stripe rolls one."), field="webhook_secret")
    if any(not SIGNING_SECRET.match(secret) for secret in webhook_secrets or ()):
        raise Invalid(_("A signing secret starts with whsec_."), field="webhook_secret")


def _ask_stripe(api_key: str) -> str:
    unit_of_work.let_go()
    try:
        return gateway.retrieve_account_id(gateway.Connection(api_key, crypto.settings().stripe_api_base))
    except gateway.KeyRefused as error:
        raise Invalid(_("Stripe does not accept this key."), field="api_key") from error


def _store_key(account: StripeAccount, api_key: str, account_id: str) -> None:
    if not api_key:
        account.api_key = ""
        vendors.note_sale(account.vendor_id, sells_plans=False)
        return
    livemode = gateway.is_live_key(api_key)
    if account.account_id and account_id and account.account_id != account_id:
        _forget(account.vendor_id, livemode)
    if (account.account_id, account.livemode) != (account_id, livemode):
        account.configuration_id = account.endpoint_id = account.health = ""
        account.checked_at = account.events_until = None
    account.api_key = crypto.seal(api_key, _place(account.vendor_id, "api_key"))
    account.account_id, account.livemode = account_id, livemode


def _forget(vendor_id: int, livemode: bool) -> None:
    """Drop what was read from another Stripe account; its ids mean nothing in the new one."""
    plans.forget(vendor_id, livemode)
    orders.close_all(vendor_id, livemode)
    for table in (Subscription, StripeCustomer):
        db.session.execute(delete(table).where(table.vendor_id == vendor_id, table.livemode == livemode))


def _set_login_link(vendor_id: int, text: str) -> None:
    try:
        before, after = vendors.set_switch(vendors.get(vendor_id), "portal_login_link", text)
    except Invalid as error:
        raise Invalid(error.message, field="portal_login_url") from error
    name = "portal_login_link"
    audit.record(vendor_id, "vendor.set", f"vendor:{vendor_id}", before={name: before}, after={name: after})


def _place(vendor_id: int, name: str) -> str:
    return f"stripe_account:{vendor_id}:{name}"
