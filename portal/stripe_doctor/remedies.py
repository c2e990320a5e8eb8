"""The way to each fix: a button that posts, a page of ours, or a page of Stripe's dashboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask_babel import gettext as _

from portal.billing import dashboard as places
from portal.stripe_doctor.findings import Finding
from portal.stripe_doctor.report import Report

POST, PAGE, OUTSIDE, BIND = "post", "page", "outside", "bind"


@dataclass(frozen=True)
class Remedy:
    """kind: post (a button), page (ours), outside (Stripe's), bind (choose one of our products)."""

    kind: str
    label: str
    href: str
    fields: dict[str, str] = field(default_factory=dict)


def of(finding: Finding, report: Report) -> list[Remedy]:
    """What may be pressed for a finding, the best first; none where the instruction says it all."""
    make = REMEDIES.get(finding.code)
    if make is not None:
        return make(finding, report)
    if finding.code.startswith("price_"):
        return [_page(_("Say how its keys are made"), f"/StripeDoctor/Price?id={finding.about}")]
    return []


def dashboard(path: str, report: Report | None) -> str:
    """A page of Stripe's dashboard, in the right account and mode; the start page of a stand-in that plays Stripe."""
    account_id = report.account_id if report is not None else ""
    return places.page(path, account_id=account_id, livemode=report is not None and bool(report.livemode))


def _page(label: str, href: str) -> Remedy:
    return Remedy(PAGE, label, href)


def _post(label: str, path: str, **fields: str) -> Remedy:
    return Remedy(POST, label, f"/StripeDoctor/{path}", fields)


def _outside(label: str, path: str, report: Report) -> Remedy:
    return Remedy(OUTSIDE, label, dashboard(path, report))


def _keys(finding: Finding, report: Report) -> list[Remedy]:
    mine = _page(_("Enter a key"), "/User/Profile#stripe")
    keys = _outside(_("API keys at Stripe"), "apikeys", report)
    return [keys] if finding.code.startswith("permission") else [keys, mine]


def _mend(finding: Finding, report: Report) -> list[Remedy]:
    labels = {
        "endpoint_missing": _("Make the endpoint"),
        "endpoint_disabled": _("Switch it on"),
        "endpoint_wrong_events": _("Add the events"),
    }
    return [_post(labels.get(finding.code, _("Make it anew")), "Endpoint")]


def _renew(finding: Finding, report: Report) -> list[Remedy]:
    anew = _post(_("Make it anew"), "Endpoint", what="anew")
    look = _outside(_("Webhooks at Stripe"), f"webhooks/{finding.about}", report)
    if not finding.code.startswith("undelivered"):
        return [anew]
    return [look, anew] if finding.code == "undelivered_somewhere" else [anew, look]


def _tidy(finding: Finding, report: Report) -> list[Remedy]:
    return [_post(_("Delete the others"), "Endpoint", what="tidy")]


def _new_product(finding: Finding, report: Report) -> list[Remedy]:
    return [_page(_("Make a product with a price"), "/StripeDoctor/Product")]


def _bind(finding: Finding, report: Report) -> list[Remedy]:
    return [Remedy(BIND, _("Save"), "/StripeDoctor/Bind", {"product": finding.about})]


def _product(finding: Finding, report: Report) -> list[Remedy]:
    return [_outside(_("The product at Stripe"), f"products/{finding.about}", report)]


def _price_outside(finding: Finding, report: Report) -> list[Remedy]:
    return [_outside(_("The price at Stripe"), f"prices/{finding.about}", report)]


def _suggest(finding: Finding, report: Report) -> list[Remedy]:
    chosen = _page(_("Choose the settings"), "/StripeDoctor/Portal")
    return [_post(_("Save the suggested settings"), "Feature", name="suggested"), chosen]


def _feature(finding: Finding, report: Report) -> list[Remedy]:
    chosen = _page(_("Portal settings"), "/StripeDoctor/Portal")
    name = str(finding.values.get("feature", ""))
    return [chosen] if name == "subscription_update" else [_post(_("Switch it on"), "Feature", name=name), chosen]


def _settings(finding: Finding, report: Report) -> list[Remedy]:
    return [_page(_("Portal settings"), "/StripeDoctor/Portal")]


def _login_page(finding: Finding, report: Report) -> list[Remedy]:
    return [_post(_("Switch the login page on"), "Feature", name="login_page")]


def _login_link(finding: Finding, report: Report) -> list[Remedy]:
    return [_post(_("Take the link over"), "Feature", name="login_link")]


def _reconcile(finding: Finding, report: Report) -> list[Remedy]:
    return [_page(_("Reconciliation"), "/Reconciliation")]


def _sync(finding: Finding, report: Report) -> list[Remedy]:
    return [_page(_("Profile"), "/User/Profile#stripe")]


def _address(finding: Finding, report: Report) -> list[Remedy]:
    customer_id, outside = finding.values.get("customer_id"), _customer(finding, report)
    if not customer_id or not finding.values.get("ours"):
        return outside
    write = _post(_("Write our address to Stripe"), "Address", customer_id=str(customer_id))
    return [write, _page(_("Customer %(id)s", id=customer_id), f"/Customer/Edit/{customer_id}"), *outside]


def _customer(finding: Finding, report: Report) -> list[Remedy]:
    return [_outside(_("The customer at Stripe"), f"customers/{finding.about}", report)]


REMEDIES: dict[str, Callable[[Finding, Report], list[Remedy]]] = {
    "key_unrestricted": _keys,
    "permission_missing": _keys,
    "permission_set_up": _keys,
    "not_looked": _keys,
    "endpoint_missing": _mend,
    "endpoint_disabled": _mend,
    "endpoint_wrong_events": _mend,
    "endpoint_wrong_version": _mend,
    "endpoint_wrong_mode": _mend,
    "endpoint_duplicate": _tidy,
    "secret_missing": _renew,
    "secret_of_another": _renew,
    "undelivered": _renew,
    "undelivered_somewhere": _renew,
    "no_plan": _new_product,
    "product_unbound": _bind,
    "product_unknown": _bind,
    "product_archived": _product,
    "product_without_price": _product,
    "price_unsupported": _price_outside,
    "portal_unsaved": _suggest,
    "portal_gone": _suggest,
    "feature_off": _feature,
    "plans_not_offered": _settings,
    "business_links": _settings,
    "login_page_off": _login_page,
    "login_link_unshared": _login_link,
    "login_link_dead": _login_link,
    "charged_without_key": _reconcile,
    "customer_gone": _sync,
    "email_differs": _address,
    "email_missing": _address,
    "email_duplicate": _customer,
}
