"""The vendor itself: what customers see of it, its Stripe account, and its switches."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, addresses, unit_of_work
from portal.audit import service as audit
from portal.billing import plan_sync
from portal.billing import service as billing
from portal.console import switches_form
from portal.console.forms import CompanyForm, StripeForm
from portal.errors import Invalid, PortalError
from portal.forms import PortalForm
from portal.vendors import company, theme
from portal.vendors import service as vendors

bp = Blueprint("console_user", __name__)
Refused = tuple[str, int]


@bp.get("/User/Profile")
@access.staff("viewer")
def profile() -> str:
    """Company and Stripe settings."""
    return _profile_page()


@bp.post("/User/Profile")
@access.staff("admin")
@access.own_token
def save_profile() -> Response | Refused:
    """Change what customers see of the vendor."""
    form = CompanyForm()
    if form.validate_on_submit():
        try:
            fields = {name: form[name].data or "" for name in company.FIELDS}
            company.edit(vendors.get(g.vendor.id), **fields)
        except Invalid as error:
            form.refuse(error)
        else:
            return _done(_("The profile is saved."))
    return _profile_page(form=form), form.status


@bp.post("/User/Profile/Stripe")
@access.staff("admin")
@access.own_token
def save_stripe() -> Response | Refused:
    """Set the Stripe key, signing secrets or login link; what is left empty stays."""
    form = StripeForm()
    if form.validate_on_submit():
        try:
            billing.set_account(g.vendor, **_stripe_fields(form))
        except PortalError as error:
            form.refuse(error)
        else:
            return _done(_("The Stripe settings are saved."), "stripe")
    return _profile_page(stripe_form=form), form.status


@bp.post("/User/Profile/Stripe/Remove")
@access.staff("admin")
def remove_key() -> Response:
    """Delete the stored API key."""
    billing.set_account(g.vendor, api_key="")
    return _done(_("The API key is removed."), "stripe")


@bp.post("/User/Profile/Sync")
@access.staff("admin")
def sync() -> Response:
    """Read all subscriptions from Stripe again."""
    try:
        result = billing.sync(g.vendor)
        unit_of_work.commit()
        sold = plan_sync.sync(g.vendor).sold
    except PortalError as error:
        unit_of_work.rollback()
        flash(error.message, "error")
        return redirect(f"{url_for('.profile')}#stripe", code=303)
    said = _(
        "Read %(read)s subscriptions, %(linked)s of them linked. %(sold)s plans are sold.",
        read=result.subscriptions,
        linked=result.linked,
        sold=sold,
    )
    return _done(said, "stripe")


@bp.get("/User/Settings")
@access.staff("viewer")
def settings() -> str:
    """All switches."""
    return _settings_page(switches_form.of(g.vendor.switches))


@bp.post("/User/Settings")
@access.staff("admin")
@access.own_token
def save_settings() -> Response | Refused:
    """Set the switches."""
    form = switches_form.SwitchesForm()
    if form.validate_on_submit():
        vendor = vendors.get(g.vendor.id)
        before, after = {}, {}
        for name, text in form.texts().items():
            try:
                before[name], after[name] = vendors.set_switch(vendor, name, text)
            except Invalid as error:
                form.refuse(error)
        if not form.errors:
            audit.record(vendor.id, "vendor.set", f"vendor:{vendor.id}", before=before, after=after)
            said = _("The settings are saved.")
            if after["second_step_for_staff"] and not before["second_step_for_staff"]:
                said = _("The settings are saved. Staff, you too, now sign in again with a code from a mail.")
            return _done(said, page=".settings")
    return _settings_page(form), form.status


def _stripe_fields(form: StripeForm) -> dict[str, Any]:
    """What was typed; an empty key or secret keeps the stored one, an unchanged link is left alone."""
    link = form.portal_login_url.data or ""
    secrets = [form.webhook_secret.data or "", form.webhook_secret_2.data or ""]
    return {
        "api_key": (form.api_key.data or "").strip() or None,
        "webhook_secrets": billing.revised_secrets(g.vendor, secrets, forget=bool(form.forget_webhook_secrets.data)),
        "portal_login_url": None if link == g.vendor.switches.portal_login_link else link,
    }


def _preview(color: str) -> list[tuple[str, dict[str, str]]]:
    surfaces = (theme.LIGHT_SURFACES, theme.DARK_SURFACES)
    return [(surface[0], theme.theme(color or theme.DEFAULT_ACCENT, surface)) for surface in surfaces]


def _profile_page(**forms: PortalForm) -> str:
    account = billing.account_of(g.vendor)
    shown = {
        "form": CompanyForm(formdata=None, obj=g.vendor),
        "stripe_form": StripeForm(formdata=None, obj=account),
        **forms,
    }
    return render_template(
        "console/user/profile.html",
        active="profile",
        account=account,
        changed=audit.find_last(g.vendor, f"vendor:{g.vendor.id}", ("stripe.set", "stripe.endpoint")),
        portal_url=addresses.portal_link(g.vendor),
        permissions=billing.PERMISSIONS,
        preview=_preview(g.vendor.accent_color),
        **shown,
    )


def _settings_page(form: switches_form.SwitchesForm) -> str:
    return render_template(
        "console/user/settings.html",
        active="settings",
        form=form,
        groups=switches_form.GROUPS,
        numbers=switches_form.NUMBERS,
    )


def _done(said: str, part: str = "", page: str = ".profile") -> Response:
    unit_of_work.commit()
    flash(said)
    return redirect(url_for(page) + (f"#{part}" if part else ""), code=303)
