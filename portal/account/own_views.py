"""A person's own account: name, password, and where they are signed in."""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, i18n, unit_of_work
from portal.account import browsers, devices, reset, sessions
from portal.account import service as account
from portal.account.blueprint import bp
from portal.account.forms import ChangePasswordForm, LanguageProfileForm, ProfileForm
from portal.audit import service as audit
from portal.errors import Invalid, NotFound


@bp.route(f"{PORTAL}/Account", methods=["GET", "POST"])
@access.signed_in
@access.own_token
def profile() -> Response | tuple[str, int]:
    """Name and language; the way to password and sessions."""
    form = _profile_form()
    if request.method != "POST":
        return render_template("account/profile.html", form=form), 200
    if not form.validate_on_submit():
        return render_template("account/profile.html", form=form), form.status
    user = account.get(g.visitor.id)
    before = {"name": user.name, "language": user.language}
    user.name = account.read_name(str(form.name.data))
    if isinstance(form, LanguageProfileForm):
        user.language = form.language.data
    audit.record(
        g.vendor.id,
        "account.edit",
        f"user:{user.id}",
        before=before,
        after={"name": user.name, "language": user.language},
    )
    unit_of_work.commit()
    flash(_("Saved."))
    return _back("Account")


@bp.route(f"{PORTAL}/Account/Password", methods=["GET", "POST"])
@access.signed_in
@access.own_token
def password() -> Response | tuple[str, int]:
    """Change the password; everywhere else it signs the person out."""
    form = ChangePasswordForm()
    if request.method != "POST":
        return _show_password(form, 200)
    if not form.validate_on_submit():
        return _show_password(form, form.status)
    try:
        reset.change(g.vendor, g.visitor, str(form.current_password.data), str(form.password.data))
    except Invalid as error:
        form.refuse(error)
        return _show_password(form, 422)
    unit_of_work.commit()
    flash(_("Your new password is set. Other browsers were signed out."))
    return _back("Account")


@bp.get(f"{PORTAL}/Account/Sessions")
@access.signed_in
def list_sessions() -> str:
    """Where this person is signed in."""
    here = g.visitor.session_id
    rows = [(row, devices.name_of(row.user_agent), row.id == here) for row in sessions.list_for(g.visitor.id)]
    return render_template("account/list_sessions.html", rows=rows)


@bp.post(f"{PORTAL}/Account/Sessions")
@access.signed_in
def end_session() -> Response:
    """Sign one browser out, or all but this one."""
    chosen = request.form.get("session", "")
    if chosen == "others":
        count = sessions.end_others(g.visitor.id, g.visitor.session_id)
        browsers.forget_others(g.visitor.id, keep=browsers.find_known(g.visitor.id))
    else:
        sessions.end(g.visitor.id, _row_id(chosen))
        count = 1
    audit.record(g.vendor.id, "account.end_sessions", f"user:{g.visitor.id}", after={"ended": count})
    unit_of_work.commit()
    flash(_("Signed out there."))
    return _back("Account/Sessions")


def _row_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31):
        raise NotFound(_("This session has ended already."))
    return int(text)


def _profile_form() -> ProfileForm:
    if len(i18n.LANGUAGES) == 1:
        return ProfileForm(name=g.visitor.name)
    form = LanguageProfileForm(name=g.visitor.name, language=g.visitor.language)
    form.language.choices = [("", _("As the vendor does")), *((code, code) for code in i18n.LANGUAGES)]
    return form


def _show_password(form: ChangePasswordForm, status: int) -> tuple[str, int]:
    return render_template("account/password.html", form=form, has_password=reset.has_password(g.visitor.id)), status


def _back(page: str) -> Response:
    return redirect(addresses.portal_path(g.vendor, page), code=303)
