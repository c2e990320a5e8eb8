"""The step from our page to Stripe's billing portal: for whom, which screen, and where it may lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask_babel import gettext as _
from sqlalchemy import select

from portal.billing import account, gateway
from portal.billing.models import StripeAccount, StripeCustomer, Subscription
from portal.billing.steps import FLOWS
from portal.crypto import settings
from portal.errors import Conflict, Invalid, NotFound
from portal.extensions import db
from portal.terms.service import StandingCustomer
from portal.vendors.service import VendorProfile

STRIPE_HOST = "billing.stripe.com"
CHECKOUT_HOST = "checkout.stripe.com"
# Somebody waits for the page: rather an early "try again" than half a minute of nothing.
READ_SECONDS, RETRIES = 5.0, 1
_LOCALES = (
    "bg cs da de el en en-AU en-CA en-GB en-IE en-IN en-NZ en-SG es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv "
    "ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"
)
LOCALES = frozenset(_LOCALES.split())


class NothingYet(Conflict):
    """This customer has nothing at Stripe to manage."""


class SeveralCustomers(Conflict):
    """The visitor has to say for which of their customers."""


@dataclass(frozen=True)
class Step:
    """One click on its way to Stripe. stripe_id: the `cus_…`, or None in no-code mode."""

    customer: StandingCustomer
    stripe_id: str | None
    email: str
    flow: str
    subscription: str
    configuration_id: str = ""


def find_step(
    vendor: VendorProfile, customers: Sequence[StandingCustomer], flow: str, subscription: str, customer: str
) -> Step:
    """What a click asks for, checked against what the visitor may see.

    Raises NotFound for another's subscription or customer, Invalid for an unknown flow, SeveralCustomers, NothingYet.
    """
    if flow and flow not in FLOWS:
        raise Invalid(_("There is no such step."), field="flow")
    if flow and flow != "payment_method_update" and not subscription:
        raise Invalid(_("Say which subscription."), field="subscription")
    stored = db.session.get(StripeAccount, vendor.id)
    livemode = stored.livemode if stored is not None else None
    paid = _subscription(vendor, subscription, livemode) if subscription else None
    chosen = _customer(customers, customer, paid.customer_id if paid else None)
    if paid is not None and _is_anothers(paid, customers):
        raise NothingYet(
            _("Somebody else pays this subscription. Please write to %(vendor)s to change it.", vendor=vendor.name)
        )
    linked = db.session.scalars(
        select(StripeCustomer).filter_by(vendor_id=vendor.id, customer_id=chosen.id, livemode=livemode, state="linked")
    ).first()
    if stored is None or not stored.api_key:
        if not vendor.switches.portal_login_link:
            raise NothingYet(_("There is no online billing here yet."))
        return Step(chosen, None, (linked.email if linked else "") or chosen.email, "", "")
    stripe_id = paid.stripe_customer_id if paid else (linked.stripe_id if linked else None)
    if stripe_id is None:
        raise NothingYet(_("There is nothing to manage yet: billing starts with your first purchase."))
    return Step(chosen, stripe_id, "", flow, subscription, stored.configuration_id)


def _subscription(vendor: VendorProfile, stripe_id: str, livemode: bool | None) -> Subscription:
    found = db.session.get(Subscription, (vendor.id, stripe_id[:60]))
    # One that was not linked to any customer yet belongs to nobody who could ask for it.
    if found is None or found.livemode != livemode or found.customer_id is None:
        raise NotFound(_("There is no such subscription."))
    return found


def _is_anothers(paid: Subscription, customers: Sequence[StandingCustomer]) -> bool:
    """Whether it is billed to the counterpart of a customer who is not the visitor's.

    Staff may give a purchase to somebody else than its payer: the payer's cards and invoices do not go along.
    """
    counterpart = select(StripeCustomer.customer_id).filter_by(
        vendor_id=paid.vendor_id, stripe_id=paid.stripe_customer_id
    )
    return db.session.scalar(counterpart) not in (None, *(one.id for one in customers))


def _customer(customers: Sequence[StandingCustomer], asked: str, owner: int | None) -> StandingCustomer:
    mine = {str(one.id): one for one in customers}
    if owner is not None and str(owner) not in mine:
        raise NotFound(_("There is no such subscription."))
    if asked:
        if asked not in mine or (owner is not None and asked != str(owner)):
            raise NotFound(_("There is no such customer."))
        return mine[asked]
    if owner is not None:
        return mine[str(owner)]
    if len(customers) > 1:
        raise SeveralCustomers(_("Choose whose billing you want to manage."))
    return customers[0]


def open_session(
    connection: gateway.Connection, step: Step, *, return_url: str, language: str, only_this_step: bool = False
) -> str:
    """The address of a fresh portal session; with no transaction open. Raises the gateway's errors.

    Where Stripe refuses the asked screen (already canceled, not allowed by the vendor), the portal's first page opens,
    but not with only_this_step.
    """
    params: dict[str, Any] = {"customer": step.stripe_id, "return_url": return_url, "locale": _locale(language)}
    if step.configuration_id:
        params["configuration"] = step.configuration_id
    if not step.flow:
        return gateway.create_portal_session(connection, params)
    flow: dict[str, Any] = {
        "type": step.flow,
        "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
    }
    if step.flow != "payment_method_update":
        flow[step.flow] = {"subscription": step.subscription}
    try:
        return gateway.create_portal_session(connection, params | {"flow_data": flow})
    except gateway.NoSuchCustomer:
        raise
    except gateway.Refused:
        if only_this_step:
            raise
        return gateway.create_portal_session(connection, params)


def may_lead_to(vendor: VendorProfile, url: str) -> bool:
    """Whether a browser may be sent there: Stripe, the sandbox, or the vendor's own Stripe domain."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.netloc in (STRIPE_HOST, CHECKOUT_HOST):
        return True
    return f"{parts.scheme}://{parts.netloc}" in (settings().stripe_api_base, *form_targets(vendor))


def form_targets(vendor: VendorProfile) -> tuple[str, ...]:
    """Origins beside Stripe's that a billing form of this vendor may lead to, for the content security policy."""
    link = vendor.switches.portal_login_link
    if not link:
        return ()
    parts = urlsplit(link)
    return () if parts.netloc == STRIPE_HOST else (f"{parts.scheme}://{parts.netloc}",)


def login_link(vendor: VendorProfile, email: str) -> str:
    """Stripe's login page of this vendor with the address filled in (no-code mode)."""
    parts = urlsplit(vendor.switches.portal_login_link)
    query = "&".join(filter(None, (parts.query, urlencode({"prefilled_email": email}))))
    return urlunsplit(parts._replace(query=query))


def connection_of(vendor: VendorProfile) -> gateway.Connection | None:
    """The way to the vendor's Stripe account."""
    return account.connection_of(vendor, read_seconds=READ_SECONDS, retries=RETRIES)


def _locale(language: str) -> str:
    if language in LOCALES:
        return language
    base = language.split("-", maxsplit=1)[0]
    return base if base in LOCALES else "auto"
