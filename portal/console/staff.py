"""The vendor's staff: list, invite, change roles, remove; and the page an invited person opens."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import access, throttle, unit_of_work
from portal.account import service as accounts
from portal.console.forms import ROLE_NAMES, InviteForm, JoinForm, RoleForm
from portal.errors import Invalid
from portal.forms import PortalForm
from portal.staff import invitations, joining, service

bp = Blueprint("console_staff", __name__)
Refused = tuple[str, int]


@bp.get("/Staff")
@access.staff("viewer")
def index() -> str:
    """Who works here, and who is invited."""
    return _index_page(InviteForm(formdata=None))


@bp.post("/Staff")
@access.staff("admin")
@access.own_token
def invite() -> Response | Refused:
    """Mail an invitation."""
    form = InviteForm()
    if form.validate_on_submit():
        try:
            invitations.invite(g.vendor, g.visitor.email, g.staff_role, form.email.data, form.role.data)
        except Invalid as error:
            form.refuse(error)
        else:
            return _done(_("The invitation is on its way to %(email)s.", email=form.email.data))
    return _index_page(form), form.status


@bp.post("/Staff/<int:user_id>/Role")
@access.staff("admin")
def change_role(user_id: int) -> Response:
    """Give a staff member another role."""
    member = service.get_member(g.vendor, user_id)
    form = RoleForm()
    if not form.validate_on_submit():
        raise Invalid(_("Choose one of the roles."))
    service.change_role(g.vendor, g.staff_role, user_id, form.role.data)
    return _done(_("%(who)s has a new role: %(role)s.", who=member.email, role=ROLE_NAMES[form.role.data]))


@bp.post("/Staff/<int:user_id>/Remove")
@access.staff("admin")
def remove(user_id: int) -> Response:
    """Take somebody off the staff."""
    member = service.get_member(g.vendor, user_id)
    service.remove(g.vendor, g.staff_role, user_id)
    unit_of_work.commit()
    if user_id == g.visitor.id:
        return redirect("/SignIn", code=303)
    flash(_("%(who)s is no longer on the staff.", who=member.email))
    return redirect(url_for(".index"), code=303)


@bp.post("/Staff/Invitation/<int:invitation_id>/Revoke")
@access.staff("admin")
def revoke(invitation_id: int) -> Response:
    """Take an invitation back."""
    invitations.revoke(g.vendor, g.staff_role, invitation_id)
    return _done(_("The invitation is taken back; its link no longer works."))


@bp.get("/Staff/Invitation")
@access.public
def invitation() -> str:
    """What an invited person opens: who invites them, and how to accept."""
    g.private = True
    return _invitation_page(JoinForm(formdata=None))


@bp.post("/Staff/Invitation")
@access.public
@access.own_token
def accept() -> Response | Refused:
    """Join: as the signed-in person, or with an account made now for an address that has none."""
    throttle.hit("link_try", throttle.network())
    token = request.form.get("token", "")
    form = JoinForm() if g.visitor is None else PortalForm()
    if not form.validate_on_submit():
        return _invitation_page(form, token), form.status
    try:
        if g.visitor is None:
            joining.join_with_new_account(token, form.name.data, form.password.data)
        else:
            invitations.accept(token, accounts.get(g.visitor.id))
    except Invalid as error:
        form.refuse(error)
        return _invitation_page(form, token), form.status
    unit_of_work.commit()
    flash(_("Welcome to the staff.") if g.visitor else _("Your account is ready. Sign in to begin."))
    return redirect("/SignIn?next=/Customer", code=303)


def _index_page(form: InviteForm) -> str:
    members = service.list_members(g.vendor)
    return render_template(
        "console/staff/index.html",
        active="staff",
        members=members,
        invitations=invitations.list_open(g.vendor),
        form=form,
        role_names=ROLE_NAMES,
        role_choices=[(role, ROLE_NAMES[role]) for role in access.ROLES if role != "owner" or g.staff_role == "owner"],
    )


def _invitation_page(form: PortalForm, token: str | None = None) -> str:
    token = request.args.get("token", "") if token is None else token
    found = joining.look_at(token, g.visitor)
    return render_template(
        "console/staff/invitation.html", vendor=found.vendor, found=found, form=form, token=token, roles=ROLE_NAMES
    )


def _done(said: str) -> Response:
    unit_of_work.commit()
    flash(said)
    return redirect(url_for(".index"), code=303)
