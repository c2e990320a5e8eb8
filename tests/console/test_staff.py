"""/Staff: roles, the last owner, invitations and how they are accepted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.account import passwords
from portal.account.models import User
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.staff import service as staff
from portal.staff.models import StaffInvitation, StaffMember
from portal.vendors.models import Vendor
from tests.factories import PASSWORD, make_staff, make_user
from tests.support.mailbox import sent_mails
from tests.support.page import Page


def roles(vendor: Vendor) -> dict[str, str]:
    db.session.expire_all()
    return {member.email: member.role for member in staff.list_members(vendor)}


def invite(desk: Page, email: str, role: str = "support") -> str:
    """Invite somebody and return the path of the mailed link."""
    desk.get("/Staff").submit({"email": email, "role": role}, form="#invite form").follow()
    [mail] = [mail for mail in sent_mails(email) if mail.name == "staff_invitation"][-1:]
    [link] = mail.links
    return link.removeprefix("http://localhost")


def test_a_role_is_changed_and_somebody_removed(desk: Page, acme: Vendor) -> None:
    helper = make_staff(acme, "support", email="helper@acme.example")
    desk.get("/Staff").submit({"role": "admin"}, form=f'form[action="/Staff/{helper.id}/Role"]').follow()
    assert roles(acme)["helper@acme.example"] == "admin"
    desk.submit(form=f'form[action="/Staff/{helper.id}/Remove"]').follow()
    assert list(roles(acme)) == ["owner@acme.example"]
    actions = list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["staff.change_role", "staff.remove"]


def test_the_last_owner_stays(desk: Page, acme: Vendor) -> None:
    [owner] = staff.list_members(acme)
    desk.get("/Staff").submit({"role": "admin"}, form=f'form[action="/Staff/{owner.user_id}/Role"]', status=409)
    assert "The last owner stays" in desk.text
    desk.get("/Staff").submit(form=f'form[action="/Staff/{owner.user_id}/Remove"]', status=409)
    assert roles(acme) == {"owner@acme.example": "owner"}


def test_one_of_two_owners_may_leave(desk: Page, acme: Vendor) -> None:
    make_staff(acme, "owner", email="second@acme.example")
    [me, _second] = staff.list_members(acme)
    desk.get("/Staff").submit(form=f'form[action="/Staff/{me.user_id}/Remove"]')
    assert roles(acme) == {"second@acme.example": "owner"}


def test_an_admin_cannot_touch_or_make_owners(page: Page, acme: Vendor) -> None:
    owner = make_staff(acme, "owner", email="owner@acme.example")
    helper = make_staff(acme, "support", email="helper@acme.example")
    page.sign_in(make_staff(acme, "admin", email="admin@acme.example"), vendor=acme).get("/Staff")
    assert not page.soup.select_one(f'form[action^="/Staff/{owner.id}/"]')
    fields = {name: str(page.soup.select_one(f"main input[name={name}]")["value"]) for name in ("csrf_token", "vendor")}

    page.post(f"/Staff/{owner.id}/Role", {**fields, "role": "viewer"}, status=403)
    page.post(f"/Staff/{owner.id}/Remove", fields, status=403)
    page.post(f"/Staff/{helper.id}/Role", {**fields, "role": "owner"}, status=403)
    page.post("/Staff", {**fields, "email": "new@mail.example", "role": "owner"}, status=403)
    page.post(f"/Staff/{helper.id}/Role", {**fields, "role": "king"}, status=422)
    assert sorted(roles(acme).values()) == ["admin", "owner", "support"]


def test_another_vendors_staff_are_not_found(desk: Page, acme: Vendor, globex: Vendor) -> None:
    foreign = make_staff(globex)
    desk.get("/Staff")
    assert foreign.email not in desk.text
    fields = {name: str(desk.soup.select_one(f"main input[name={name}]")["value"]) for name in ("csrf_token", "vendor")}
    desk.post(f"/Staff/{foreign.id}/Remove", fields, status=404)


def test_an_invitation_makes_an_account_and_a_staff_member(desk: Page, app: Flask, acme: Vendor) -> None:
    link = invite(desk, "New@mail.example")
    assert "until" in desk.text
    guest = Page(app).get(link)
    assert "owner@acme.example invites New@mail.example" in guest.text
    guest.submit({"name": "Nia New", "password": PASSWORD})

    assert guest.location == "/SignIn?next=/Customer"
    assert roles(acme)["New@mail.example"] == "support"
    user = db.session.scalar(select(User).where(User.email_key == "new@mail.example"))
    assert passwords.verify(user.password_hash, PASSWORD)
    assert user.email_confirmed_at is not None
    assert not guest.client.get_cookie("latchkey-session")
    guest.get(link, status=410)


@pytest.mark.parametrize(("typed", "field"), [({"name": ""}, "name"), ({"password": "short"}, "password")])
def test_a_bad_account_is_refused_and_the_invitation_stays_open(
    desk: Page, app: Flask, acme: Vendor, typed: dict[str, str], field: str
) -> None:
    guest = Page(app).get(invite(desk, "new@mail.example"))
    guest.submit({"name": "Nia", "password": PASSWORD, **typed}, status=422)
    assert guest.soup.select_one(f"#{field}-e").get_text()
    assert PASSWORD not in guest.html
    guest.submit({"name": "Nia", "password": PASSWORD})
    assert roles(acme)["new@mail.example"] == "support"


def test_somebody_with_an_account_signs_in_and_accepts(desk: Page, app: Flask, acme: Vendor) -> None:
    user = make_user("known@mail.example")
    link = invite(desk, "Known@mail.example", "admin")
    guest = Page(app).get(link)
    assert not guest.soup.select("main form[method=post]")
    assert str(guest.soup.select_one("main a.btn")["href"]).startswith("/SignIn?next=/Staff/Invitation%3Ftoken%3D")

    guest.sign_in(user).get(link).submit()
    assert roles(acme)["known@mail.example"] == "admin"


def test_opening_a_link_changes_nothing(desk: Page, app: Flask, acme: Vendor) -> None:
    link = invite(desk, "new@mail.example")
    for _time in range(3):
        Page(app).get(link)
    assert db.session.scalar(select(StaffInvitation.used_at)) is None
    assert "new@mail.example" not in roles(acme)


def test_an_invitation_is_for_the_invited_address_only(desk: Page, app: Flask, acme: Vendor) -> None:
    link = invite(desk, "new@mail.example")
    other = Page(app).sign_in(make_user("other@mail.example"))
    other.get(link)
    assert "sent to another address" in other.text
    token = link.partition("token=")[2]
    csrf = str(other.soup.select_one("main input[name=csrf_token]")["value"])
    other.post("/Staff/Invitation", {"csrf_token": csrf, "token": token}, status=403)
    assert "other@mail.example" not in roles(acme)


def test_a_form_without_its_token_changes_nothing(desk: Page, app: Flask, acme: Vendor) -> None:
    user = make_user("known@mail.example")
    guest = Page(app).sign_in(user).get(invite(desk, "known@mail.example"))
    guest.submit({"csrf_token": "bad"}, status=400)
    assert "known@mail.example" not in roles(acme)


def test_expired_taken_back_replaced_and_unknown_links_say_so(desk: Page, app: Flask, acme: Vendor) -> None:
    first = invite(desk, "new@mail.example")
    second = invite(desk, "new@mail.example")
    Page(app).get(first, status=410)
    desk.get("/Staff").submit(form='form[action$="/Revoke"]').follow()
    Page(app).get(second, status=410)
    third = invite(desk, "new@mail.example")
    clock.move(timedelta(days=8))
    Page(app).get(third, status=410)
    Page(app).get("/Staff/Invitation?token=unknown", status=404)
    Page(app).get("/Staff/Invitation", status=404)


def test_staff_cannot_be_invited_twice(desk: Page, acme: Vendor) -> None:
    make_staff(acme, "viewer", email="helper@acme.example")
    desk.get("/Staff").submit({"email": "Helper@acme.example"}, form="#invite form", status=422)
    assert "on your staff already" in desk.soup.select_one("#email-e").get_text()
    desk.submit({"email": "nonsense"}, form="#invite form", status=422)
    assert desk.soup.select_one("#email")["value"] == "nonsense"
    assert not db.session.scalars(select(StaffInvitation)).all()


def test_neither_token_nor_link_is_audited_or_stored(desk: Page, acme: Vendor) -> None:
    token = invite(desk, "new@mail.example").partition("token=")[2]
    row = db.session.scalar(select(StaffInvitation))
    entries = db.session.scalars(select(AuditEntry)).all()
    assert token not in row.token_digest
    assert token not in str([(entry.record, entry.before, entry.after) for entry in entries])


def test_a_member_of_staff_for_two_vendors_stays_at_the_other(desk: Page, acme: Vendor, globex: Vendor) -> None:
    both = make_staff(acme, "support", email="both@mail.example")
    db.session.add(StaffMember(vendor_id=globex.id, user_id=both.id, role="viewer"))
    db.session.commit()
    desk.get("/Staff").submit(form=f'form[action="/Staff/{both.id}/Remove"]')
    assert roles(globex) == {"both@mail.example": "viewer"}


def test_an_admin_cannot_replace_an_owners_invitation(desk: Page, app: Flask, acme: Vendor) -> None:
    invite(desk, "partner@acme.example", "owner")
    admin = Page(app).sign_in(make_staff(acme, "admin"), vendor=acme)

    admin.get("/Staff").submit({"email": "partner@acme.example", "role": "viewer"}, form="#invite form", status=403)

    [left] = db.session.scalars(select(StaffInvitation))
    assert (left.role, left.revoked_at) == ("owner", None)


@pytest.mark.parametrize("act", ["Remove", "Role"])
def test_the_invitations_of_somebody_who_goes_or_changes_end(desk: Page, app: Flask, acme: Vendor, act: str) -> None:
    admin = make_staff(acme, "admin", email="admin@acme.example")
    theirs = invite(Page(app).sign_in(admin, vendor=acme), "friend@mail.example", "admin")
    others = invite(desk, "partner@mail.example")

    typed = {"role": "viewer"} if act == "Role" else {}
    desk.get("/Staff").submit(typed, form=f'form[action="/Staff/{admin.id}/{act}"]')

    Page(app).get(theirs, status=410)
    Page(app).get(others)
