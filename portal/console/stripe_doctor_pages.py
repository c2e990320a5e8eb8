"""The forms of the Stripe doctor: a product with its price, how a price's keys are made, and the customer portal."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, unit_of_work
from portal.billing import plans
from portal.billing.gateway.prices import PriceRead
from portal.console.stripe_doctor_forms import (
    PlanForm,
    PortalSettingsForm,
    ProductForm,
    fields_of,
    fields_of_settings,
)
from portal.errors import PortalError
from portal.forms import PortalForm
from portal.licenses import service as licenses
from portal.licenses.models import FEATURES, Product
from portal.stripe_doctor import catalog_repair, portal_repair
from portal.stripe_doctor import service as doctor
from portal.stripe_doctor.portal_repair import Standing

bp = Blueprint("console_stripe_doctor_pages", __name__)
Refused = tuple[str, int]


@bp.get("/StripeDoctor/Product")
@access.staff("admin")
def product() -> str:
    """An empty form for a product with a price."""
    usual = plans.usual_currency(g.vendor.id)
    given = {"currency": usual.upper()} if usual else {}
    return _product_page(ProductForm(formdata=None, token=secrets.token_hex(16), **given))


@bp.post("/StripeDoctor/Product")
@access.staff("admin")
@access.own_token
def add_product() -> Response | Refused:
    """Make a product with a price at Stripe."""
    form = _with_products(ProductForm())
    if form.validate_on_submit() and form.check_bare(is_once=not form.interval.data):
        unit_of_work.rollback()
        try:
            plan, trial, number = form.plan(), form.trial_days.data or 0, form.product_id.data
            catalog_repair.create_product(g.vendor.id, form.token.data or "", form.product(), number, plan, trial)
        except PortalError as error:
            unit_of_work.rollback()
            form.refuse(error)
        else:
            return _done(_("The product and its price are at Stripe."))
    return _product_page(form), form.status


@bp.get("/StripeDoctor/Price")
@access.staff("admin")
def price() -> str:
    """How the keys of a price (`?id=price_…`) are made now."""
    unit_of_work.let_go()
    found = catalog_repair.price(g.vendor.id, request.args.get("id", ""))
    fields = fields_of(catalog_repair.plan_of(found), catalog_repair.trial_days_of(found))
    return _price_page(found, PlanForm(formdata=None, **fields))


@bp.post("/StripeDoctor/Price")
@access.staff("admin")
@access.own_token
def save_price() -> Response | Refused:
    """Say how the keys of a price are made."""
    form = PlanForm()
    price_id = request.args.get("id", "")
    found = catalog_repair.price(g.vendor.id, price_id)
    if form.validate_on_submit() and form.check_bare(is_once=not found.interval):
        ours = tuple(one.id for one in licenses.list_products(g.vendor))
        unit_of_work.rollback()
        try:
            plan = form.plan(catalog_repair.plan_of(found), ours)
            catalog_repair.set_plan(g.vendor.id, price_id, plan, form.trial_days.data or 0)
        except PortalError as error:
            unit_of_work.rollback()
            form.refuse(error)
        else:
            return _done(_("The price now says how its keys are made."))
    return _price_page(found, form), form.status


@bp.get("/StripeDoctor/Portal")
@access.staff("admin")
def portal() -> str:
    """What customers may do in Stripe's portal now."""
    unit_of_work.let_go()
    now = portal_repair.standing(g.vendor.id)
    return _portal_page(now, _offering(now, PortalSettingsForm(formdata=None, **fields_of_settings(now.settings()))))


@bp.post("/StripeDoctor/Portal")
@access.staff("admin")
@access.own_token
def save_portal() -> Response | Refused:
    """Change what customers may do in Stripe's portal."""
    now = portal_repair.standing(g.vendor.id)
    form = _offering(now, PortalSettingsForm())
    if form.validate_on_submit():
        try:
            portal_repair.configure(now, form.settings())
        except PortalError as error:
            unit_of_work.rollback()
            form.refuse(error)
        else:
            return _done(_("The portal settings at Stripe are saved."))
    return _portal_page(now, form), form.status


def _with_products(form: ProductForm) -> ProductForm:
    form.product_id.choices = [(one.id, one.name) for one in licenses.list_products(g.vendor)]
    return form


def _offering(now: Standing, form: PortalSettingsForm) -> PortalSettingsForm:
    choices = [(offer.product_id, offer.name) for offer in now.choices()]
    return form.offer(choices, request.form if request.method == "POST" else None)


def _product_page(form: ProductForm) -> str:
    ours = licenses.list_products(g.vendor)
    chosen = [one for one in ours if one.id == form.product_id.data and request.method == "POST"]
    return render_template(
        "console/stripe_doctor_pages/product.html",
        active="stripe_doctor",
        form=_with_products(form),
        named=_features_named(chosen or ours),
    )


def _features_named(products: Sequence[Product]) -> dict[str, str]:
    """What products call F1 to F8; with the product's name where there are several, of which three are named."""
    found = {}
    for feature in FEATURES:
        names = [(str(one.feature_definitions.get(feature, {}).get("name") or ""), one.name) for one in products]
        shown = [f"{name} ({ours})" if len(products) > 1 else name for name, ours in names if name]
        found[feature] = ", ".join(shown[:3])
    return found


def _price_page(found: PriceRead, form: PortalForm) -> str:
    bound = found.product_metadata.get("skm_product_id", "").strip()
    product = next((one for one in licenses.list_products(g.vendor) if str(one.id) == bound), None)
    return render_template(
        "console/stripe_doctor_pages/price.html",
        active="stripe_doctor",
        price=found,
        form=form,
        named=_features_named([product] if product else []),
    )


def _portal_page(now: Standing, form: PortalSettingsForm) -> str:
    return render_template("console/stripe_doctor_pages/portal.html", active="stripe_doctor", form=form, used=now.used)


def _done(said: str) -> Response:
    unit_of_work.commit()
    doctor.run(g.vendor.id, quickly=True)
    unit_of_work.commit()
    flash(said)
    return redirect(url_for("console_stripe_doctor.index"), code=303)
