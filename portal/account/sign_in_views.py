"""Signing in and out at a vendor's portal."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, session
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, csrf, unit_of_work
from portal.account import first_page, sessions, signing_in
from portal.account.blueprint import bp
from portal.account.forms import CodeForm, EmailForm, SignInForm
from portal.audit import service as audit
from portal.errors import Invalid, PortalError

STEPS = ("second_step", "sign_in")


@bp.route(f"{PORTAL}/SignIn", methods=["GET", "POST"])
@access.public
@access.own_token
def sign_in() -> Response | str | tuple[str, int]:
    """Address and password, or a mailed code; then the second step where it is asked for."""
    if request.method == "POST":
        if "code" in request.form:
            return _take_code()
        return _mail_code() if "send_code" in request.form else _take_password()
    if g.visitor is not None and not sessions.misses_second_step(g.visitor, g.vendor):
        return redirect(_target(request.args.get("next")), code=303)
    if request.args.get("step") in STEPS:
        return render_template("account/sign_in_code.html", form=CodeForm(), step=request.args["step"])
    if request.args or g.visitor is not None or "_flashes" in session:
        wanted = addresses.safe_next(request.args.get("next"))
        return render_template("account/sign_in.html", form=None, next=wanted, token=csrf.token_input())
    return first_page.show(g.vendor)


@bp.post(f"{PORTAL}/SignOut")
@access.public
@access.own_token
def sign_out() -> Response:
    """End the session on the server."""
    return leave(addresses.portal_path(g.vendor, "SignIn"), g.vendor.id)


def leave(page: str, vendor_id: int | None) -> Response:
    """Sign out and go to a page; a session that has ended already is fine."""
    if g.csrf_failed and g.visitor is not None:
        raise PortalError(_("This page was open for too long. You are still signed in. Reload the page and try again."))
    if g.visitor is not None:
        audit.record(vendor_id, "account.sign_out", f"user:{g.visitor.id}")
    if not g.csrf_failed:
        sessions.end_current()
        unit_of_work.commit()
    flash(_("You are signed out."))
    return redirect(page, code=303)


def _take_password() -> Response | tuple[str, int]:
    form = SignInForm()
    if not form.validate_on_submit():
        return _show_again(form)
    try:
        person = signing_in.check_password(str(form.email.data), str(form.password.data))
    except Invalid as error:
        form.refuse(error)
        return _show_again(form)
    wanted = addresses.safe_next(request.form.get("next"))
    if g.vendor.switches.second_step_for_customers and not person.is_known_here:
        signing_in.ask_second_step(person, g.vendor.id, {"next": wanted, "remember": form.remember.data})
        unit_of_work.commit()
        return redirect(addresses.portal_path(g.vendor, "SignIn", step="second_step"), code=303)
    signing_in.finish(
        person.id,
        vendor_id=g.vendor.id,
        second_step="known_browser" if person.is_known_here else "off",
        remember=bool(form.remember.data),
        new_hash=person.new_hash,
    )
    unit_of_work.commit()
    return redirect(_target(wanted), code=303)


def _mail_code() -> Response | tuple[str, int]:
    form = EmailForm()
    if not form.validate_on_submit():
        return _show_again(form)
    wanted = addresses.safe_next(request.form.get("next"))
    facts = {"next": wanted, "remember": "remember" in request.form}
    try:
        signing_in.request_code(g.vendor, str(form.email.data), facts)
    except Invalid as error:
        form.refuse(error)
        return _show_again(form)
    unit_of_work.commit()
    return redirect(addresses.portal_path(g.vendor, "SignIn", step="sign_in"), code=303)


def _take_code() -> Response | tuple[str, int]:
    form, step = CodeForm(), request.form.get("step", STEPS[0])
    purpose = step if step in STEPS else STEPS[0]
    try:
        if not form.validate_on_submit():
            return render_template("account/sign_in_code.html", form=form, step=purpose), form.status
        user_id, facts = signing_in.take_code(purpose, g.vendor, str(form.code.data))
    except Invalid as error:
        form.refuse(error)
        return render_template("account/sign_in_code.html", form=form, step=purpose), 422
    signing_in.finish(
        user_id,
        vendor_id=g.vendor.id,
        second_step="code" if purpose == "second_step" else "mailed",
        remember=bool(facts.get("remember")),
        new_hash=facts.get("new_hash", ""),
    )
    unit_of_work.commit()
    return redirect(_target(facts.get("next")), code=303)


def _show_again(form: SignInForm | EmailForm) -> tuple[str, int]:
    wanted = addresses.safe_next(request.form.get("next"))
    page = render_template("account/sign_in.html", form=form, next=wanted, token=csrf.token_input())
    return page, form.status


def _target(wanted: str | None) -> str:
    return addresses.safe_next(wanted) or addresses.portal_path(g.vendor, "Licenses")
