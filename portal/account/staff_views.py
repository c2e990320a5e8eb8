"""The sign-in page for everyone: staff go on to a vendor's console, customers to their portals."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, addresses, csrf, unit_of_work
from portal.account import remembering, sessions, signing_in
from portal.account.blueprint import bp
from portal.account.forms import CodeForm, SignInForm
from portal.account.sign_in_views import leave
from portal.account.signing_in import Person
from portal.associate import service as associate
from portal.audit import service as audit
from portal.errors import Forbidden, Invalid
from portal.staff import service as staff
from portal.vendors.service import VendorProfile

HOME = "/Portal/Admin"


@bp.route("/SignIn", methods=["GET", "POST"])
@access.public
@access.own_token
def staff_sign_in() -> Response | str | tuple[str, int]:
    """Address and password, the second step, and for staff of several vendors the choice of one."""
    if request.method == "POST":
        if "code" in request.form:
            return _take_code()
        return _choose() if "vendor" in request.form and "email" not in request.form else _take_password()
    if g.visitor is not None:
        return _show_desks()
    if request.args.get("step") == "second_step":
        return _show("sign_in_code", CodeForm(), 200)
    return _show("staff_sign_in", None, 200)


@bp.post("/SignOut")
@access.public
@access.own_token
def staff_sign_out() -> Response:
    """End the session on the server."""
    return leave("/SignIn", g.vendor.id if g.vendor else None)


def _take_password() -> Response | tuple[str, int]:
    form = SignInForm()
    if not form.validate_on_submit():
        return _show("staff_sign_in", form, form.status)
    try:
        person = signing_in.check_password(str(form.email.data), str(form.password.data))
    except Invalid as error:
        form.refuse(error)
        return _show("staff_sign_in", form, 422)
    with unit_of_work.reading():
        desks = [vendor for vendor, _role in staff.list_desks(person.id)]
        is_asked = _is_second_step_asked(person, desks)
    wanted = addresses.safe_next(request.form.get("next"))
    if is_asked:
        signing_in.ask_second_step(person, None, {"next": wanted}, brand_id=desks[0].id if desks else None)
        unit_of_work.commit()
        return redirect("/SignIn?step=second_step", code=303)
    step = "known_browser" if person.is_known_here else "off"
    return _enter(person.id, desks, step, wanted, person.new_hash)


def _is_second_step_asked(person: Person, desks: list[VendorProfile]) -> bool:
    """Staff always where a vendor of theirs asks for it; customers in an unknown browser."""
    if desks:
        return any(vendor.switches.second_step_for_staff for vendor in desks)
    if person.is_known_here:
        return False
    portals = associate.list_vendors(person.id)
    return not portals or any(vendor.switches.second_step_for_customers for vendor in portals)


def _take_code() -> Response | tuple[str, int]:
    form = CodeForm()
    try:
        if not form.validate_on_submit():
            return _show("sign_in_code", form, form.status)
        user_id, facts = signing_in.take_code("second_step", None, str(form.code.data))
    except Invalid as error:
        form.refuse(error)
        return _show("sign_in_code", form, 422)
    desks = [vendor for vendor, _role in staff.list_desks(user_id)]
    return _enter(user_id, desks, "code", facts.get("next"), facts.get("new_hash", ""))


def _enter(user_id: int, desks: list[VendorProfile], step: str, wanted: str | None, new_hash: str) -> Response:
    desk_id = desks[0].id if len(desks) == 1 else None
    signing_in.finish(user_id, vendor_id=desk_id, second_step=step, new_hash=new_hash, desk_id=desk_id)
    unit_of_work.commit()
    if len(desks) > 1:
        return redirect(f"/SignIn?{addresses.query(next=wanted)}" if wanted else "/SignIn", code=303)
    return redirect(wanted or ("/Customer" if desks else HOME), code=303)


def _choose() -> Response:
    """Open one of the vendors' consoles in this session."""
    if g.visitor is None or g.csrf_failed:
        flash(_("Please sign in again."), "warning")
        return redirect("/SignIn", code=303)
    chosen = next((v for v, _role in staff.list_desks(g.visitor.id) if str(v.id) == request.form.get("vendor")), None)
    if chosen is None:
        raise Forbidden(_("You are not on the staff of this vendor."))
    if sessions.misses_second_step(g.visitor, chosen, as_staff=True):
        flash(_("%(name)s asks its staff for a second step. Please sign in again.", name=chosen.name), "warning")
        sessions.end_current()
        unit_of_work.commit()
        return redirect("/SignIn?next=/Customer", code=303)
    sessions.choose_vendor(g.visitor.session_id, chosen.id)
    remembering.forget(g.visitor.session_id)
    audit.record(chosen.id, "account.open_console", f"user:{g.visitor.id}")
    unit_of_work.commit()
    return redirect(addresses.safe_next(request.form.get("next")) or "/Customer", code=303)


def _show_desks() -> Response | str | tuple[str, int]:
    if g.vendor is not None and sessions.misses_second_step(g.visitor, g.vendor, as_staff=True):
        return _show("staff_sign_in", None, 200)
    desks = staff.list_desks(g.visitor.id)
    wanted = addresses.safe_next(request.args.get("next"))
    if not desks:
        return redirect(wanted or HOME, code=303)
    if len(desks) == 1 and g.vendor is not None:
        return redirect(wanted or "/Customer", code=303)
    return render_template(
        "account/choose_vendor.html", desks=desks, next=wanted, current=g.vendor, vendor=None, token=csrf.token_input()
    )


def _show(template: str, form: SignInForm | CodeForm | None, status: int) -> tuple[str, int]:
    wanted = addresses.safe_next(request.values.get("next"))
    page = render_template(f"account/{template}.html", form=form, next=wanted, step="second_step", vendor=None)
    return page, status
