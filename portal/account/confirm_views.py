"""Confirming the address of a new account."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, cookies, unit_of_work
from portal.account import service as account
from portal.account import signing_in
from portal.account.blueprint import bp
from portal.account.forms import CodeForm
from portal.errors import Invalid
from portal.terms import joining


@bp.route(f"{PORTAL}/ConfirmEmail", methods=["GET", "POST"])
@access.public
@access.own_token
def confirm_email() -> Response | tuple[str, int]:
    """Take the code of a sign-up, sign in, and finish what the sign-up was for; opening the page changes nothing."""
    if request.method != "POST":
        return _show(CodeForm(formdata=None, code=_code_in_link()), 200)
    if "resend" in request.form:
        return _resend()
    form = CodeForm()
    if not form.validate_on_submit():
        return _show(form, form.status)
    try:
        confirmed = account.confirm(g.vendor, str(form.code.data))
    except Invalid as error:
        form.refuse(error)
        return _show(form, 422)
    step = "code" if confirmed.is_new else "mailed"
    signing_in.finish(confirmed.user.id, vendor_id=g.vendor.id, second_step=step)
    path = joining.complete_sign_up(g.vendor, confirmed.user, confirmed.facts)
    unit_of_work.commit()
    return redirect(path, code=303)


def _resend() -> Response | tuple[str, int]:
    form = CodeForm(formdata=None)
    try:
        if g.csrf_failed:
            raise Invalid(_("This page was open for too long. Please send it again."))
        account.resend_sign_up(g.vendor)
    except Invalid as error:
        form.refuse(error)
        return _show(form, form.status)
    unit_of_work.commit()
    flash(_("A new code is on its way. The one before no longer works."))
    return redirect(addresses.portal_path(g.vendor, "ConfirmEmail"), code=303)


def _show(form: CodeForm, status: int) -> tuple[str, int]:
    asked_here = bool(cookies.read(cookies.BROWSER))
    return render_template("account/confirm_email.html", form=form, asked_here=asked_here), status


def _code_in_link() -> str:
    text = request.args.get("code", "")
    return text if len(text) == 6 and text.isascii() and text.isdigit() else ""
