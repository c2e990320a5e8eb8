"""A forgotten password: ask for a link, follow it, choose a new one."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, cookies, unit_of_work
from portal.account import codes, reset
from portal.account.blueprint import bp
from portal.account.forms import EmailForm, NewPasswordForm
from portal.errors import Invalid

SECONDS = int(codes.LIFE.total_seconds())


@bp.route(f"{PORTAL}/ForgotPassword", methods=["GET", "POST"])
@access.public
@access.own_token
def forgot_password() -> Response | str | tuple[str, int]:
    """Mail a link and a code; the answer is the same whether the address has an account or not."""
    form = EmailForm()
    if request.method != "POST":
        if g.visitor is not None:
            form.email.data = g.visitor.email
        return render_template("account/forgot_password.html", form=form)
    try:
        if not form.validate_on_submit():
            return render_template("account/forgot_password.html", form=form), form.status
        reset.request(g.vendor, str(form.email.data))
    except Invalid as error:
        form.refuse(error)
        return render_template("account/forgot_password.html", form=form), 422
    unit_of_work.commit()
    cookies.drop(cookies.RESET)
    return redirect(addresses.portal_path(g.vendor, "ResetPassword"), code=303)


@bp.route(f"{PORTAL}/ResetPassword", methods=["GET", "POST"])
@access.public
@access.own_token
def reset_password() -> Response | tuple[str, int]:
    """Choose the new password; the token of the mailed link moves into a cookie and out of the address."""
    if request.method != "POST":
        return _move_token() or _show(NewPasswordForm(), cookies.read(cookies.RESET), 200)
    form, token = NewPasswordForm(), request.form.get("token", "")
    if not form.validate_on_submit():
        return _show(form, token, form.status)
    try:
        reset.finish(g.vendor, token, str(form.code.data or ""), str(form.password.data))
    except Invalid as error:
        form.refuse(error)
        return _show(form, token, 422)
    unit_of_work.commit()
    cookies.drop(cookies.RESET)
    flash(_("Your new password is set. Sign in with it."))
    return redirect(addresses.portal_path(g.vendor, "SignIn"), code=303)


def _move_token() -> Response | tuple[str, int] | None:
    """Take the token out of the address; without cookies the page is shown as it is, never a redirect loop."""
    token = request.args.get("token", "")
    if not token:
        return None
    if len(token) > 100 or not token.isascii():
        token = ""
    if cookies.read(cookies.RESET) == token:
        return redirect(addresses.portal_path(g.vendor, "ResetPassword"), code=303)
    if "again" in request.args:
        return _show(NewPasswordForm(), token, 200)
    cookies.put(cookies.RESET, token, SECONDS)
    response = redirect(addresses.portal_path(g.vendor, "ResetPassword", token=token, again=1), code=303)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _show(form: NewPasswordForm, token: str, status: int) -> tuple[str, int]:
    with_code = _needs_code(token)
    page = render_template("account/reset_password.html", form=form, token=token, with_code=with_code)
    return page, status, {"Referrer-Policy": "no-referrer"}  # type: ignore[return-value]


def _needs_code(token: str) -> bool:
    if request.method != "POST":
        return reset.needs_code(reset.find(g.vendor, token), token)
    unit_of_work.rollback()
    with unit_of_work.reading():
        return reset.needs_code(reset.find(g.vendor, token), token)
