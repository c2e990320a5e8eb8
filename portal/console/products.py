"""Products: list, create, one with its keys, and new licenses."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, unit_of_work
from portal.billing import service as billing
from portal.console import paging
from portal.console.forms import LicenseForm, ProductForm
from portal.errors import Invalid
from portal.licenses import desk, service
from portal.licenses.models import Product

bp = Blueprint("console_products", __name__)
Refused = tuple[str, int]


@bp.get("/Product")
@access.staff("viewer")
def index() -> str:
    """The vendor's products."""
    return render_template("console/products/index.html", active="products", products=service.list_products(g.vendor))


@bp.get("/Product/Create")
@access.staff("admin")
def create() -> str:
    """An empty form for a new product."""
    return render_template("console/products/create.html", active="products", form=ProductForm(formdata=None))


@bp.post("/Product/Create")
@access.staff("admin")
@access.own_token
def add() -> Response | Refused:
    """Make a product."""
    form = ProductForm()
    if form.validate_on_submit():
        try:
            product = service.create_product(g.vendor, form.name.data, **_settings(form))
        except Invalid as error:
            form.refuse(error)
        else:
            unit_of_work.commit()
            flash(_("The product %(name)s is created.", name=product.name))
            return redirect(url_for(".detail", product_id=product.id), code=303)
    return render_template("console/products/create.html", active="products", form=form), form.status


@bp.get("/Product/Detail/<int:product_id>")
@access.staff("viewer")
def detail(product_id: int) -> str | Refused:
    """A product and its keys; `q` searches them."""
    product = service.get_product(g.vendor, product_id)
    return _detail_page(product, LicenseForm(formdata=None))


@bp.post("/Product/Detail/<int:product_id>/License")
@access.staff("support")
@access.own_token
def add_license(product_id: int) -> Response | Refused:
    """Make a license of the product."""
    product = service.get_product(g.vendor, product_id)
    form = LicenseForm()
    if form.validate_on_submit():
        try:
            license = service.create_license(g.vendor, product, features=form.features(), **_license_fields(form))
        except Invalid as error:
            form.refuse(error)
        else:
            unit_of_work.commit()
            flash(_("The license is created."))
            return redirect(url_for("console_licenses.show", global_id=license.global_id), code=303)
    return _detail_page(product, form, is_open=True), form.status


def _settings(form: ProductForm) -> dict[str, Any]:
    return {
        "description": form.description.data or "",
        "feature_definitions": form.definitions(),
        "all_licenses_time_limited": form.all_licenses_time_limited.data,
        "block_expired_licenses": form.block_expired_licenses.data,
    }


def _license_fields(form: LicenseForm) -> dict[str, Any]:
    return {
        "customer_id": form.customer_id.data,
        "period": form.period.data or 0,
        "max_no_of_machines": form.max_no_of_machines.data or 0,
        "notes": form.notes.data or "",
        "trial_activation": form.trial_activation.data,
    }


def _detail_page(product: Product, form: LicenseForm, is_open: bool = False) -> Any:
    """The product's page; a search that cannot be read answers 422 with a message beside it."""
    typed, complaint = request.args.get("q", "").strip(), ""
    try:
        found = service.search_licenses(g.vendor, product, typed, paging.key("before"), paging.LIMIT + 1)
    except Invalid as error:
        found, complaint = [], error.message
    rows = found[: paging.LIMIT]
    paid = billing.with_subscription(g.vendor, [row.global_id for row in rows])
    older = paging.address(q=typed, before=rows[-1].global_id) if len(found) > paging.LIMIT else None
    page = render_template(
        "console/products/detail.html",
        active="products",
        product=product,
        form=form,
        is_open=is_open,
        typed=typed,
        complaint=complaint,
        rows=[
            (row, desk.badges(row, product, subscription=row.global_id in paid), desk.is_time_limited(row, product))
            for row in rows
        ],
        first=paging.address(q=typed) if "before" in request.args else None,
        older=older,
    )
    return (page, 422) if complaint and not is_open else page
