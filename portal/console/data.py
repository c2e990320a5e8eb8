"""Data objects of the vendor (“user level”)."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, unit_of_work
from portal.console.forms import DataObjectForm
from portal.data_objects import reserved, service
from portal.data_objects.models import DataObject
from portal.errors import Invalid

bp = Blueprint("console_data", __name__)
Refused = tuple[str, int]


@bp.get("/Data")
@access.staff("viewer")
def index() -> str | Refused:
    """The vendor's data objects; those of other records are found on the pages of those records."""
    wanted = request.args.get("refType", "0")
    if wanted != "0":
        known = wanted in ("1", "2", "3")
        return render_template("console/data/elsewhere.html", active="data", known=known), 200 if known else 404
    return _index_page(DataObjectForm(formdata=None))


@bp.post("/Data")
@access.staff("admin")
@access.own_token
def add() -> Response | Refused:
    """Make a data object."""
    form = DataObjectForm()
    if form.validate_on_submit():
        try:
            made = service.create(g.vendor, form.name.data, form.string_value.data or "", form.int_value.data or 0)
        except Invalid as error:
            form.refuse(error)
        else:
            return _done(_("%(name)s is set.", name=made.name))
    return _index_page(form), form.status


@bp.get("/Data/Edit/<int:object_id>")
@access.staff("admin")
def edit(object_id: int) -> str:
    """One data object, to change it."""
    found = service.get(g.vendor, object_id)
    return _edit_page(found, DataObjectForm(formdata=None, obj=found))


@bp.post("/Data/Edit/<int:object_id>")
@access.staff("admin")
@access.own_token
def save(object_id: int) -> Response | Refused:
    """Change a data object."""
    found = service.get(g.vendor, object_id)
    form = DataObjectForm()
    if form.validate_on_submit():
        try:
            text, number = form.string_value.data or "", form.int_value.data or 0
            service.edit(g.vendor, object_id, form.name.data, text, number)
        except Invalid as error:
            form.refuse(error)
        else:
            return _done(_("%(name)s is changed.", name=form.name.data))
    return _edit_page(found, form), form.status


@bp.post("/Data/Delete/<int:object_id>")
@access.staff("admin")
def delete(object_id: int) -> Response:
    """Delete a data object."""
    name = service.get(g.vendor, object_id).name
    service.delete(g.vendor, object_id)
    return _done(_("%(name)s is deleted.", name=name))


def _index_page(form: DataObjectForm) -> str:
    objects = service.list_for(g.vendor)
    return render_template(
        "console/data/index.html",
        active="data",
        objects=objects,
        form=form,
        terms_name=reserved.TERMS_URL,
        asks_terms=any(row.name == reserved.TERMS_URL and row.string_value for row in objects),
    )


def _edit_page(found: DataObject, form: DataObjectForm) -> str:
    return render_template("console/data/edit.html", active="data", found=found, form=form)


def _done(said: str) -> Response:
    unit_of_work.commit()
    flash(said)
    return redirect(url_for(".index", refType=0), code=303)
