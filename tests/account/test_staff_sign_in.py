"""The sign-in page for everyone: staff to a console, customers to their portals."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from portal.account.models import User, UserSession
from portal.extensions import db
from portal.staff.models import StaffMember
from portal.vendors.models import Vendor
from tests.factories import PASSWORD, make_customer_user, make_staff, make_user, make_vendor
from tests.support.mailbox import sent_mails
from tests.support.page import Page


@pytest.fixture
def strict(app: Flask) -> Vendor:
    """A vendor who asks everybody for the second step."""
    return make_vendor(
        domain="strict.example", name="Strict", second_step_for_staff=True, second_step_for_customers=True
    )


def sign_in(page: Page, user: User, path: str = "/SignIn") -> Page:
    """Fill in the form."""
    return page.get(path).submit({"email": user.email, "password": PASSWORD})


def also_staff(user: User, vendor: Vendor) -> None:
    """Give a staff member a second vendor."""
    db.session.add(StaffMember(vendor_id=vendor.id, user_id=user.id, role="support"))
    db.session.commit()


def desk() -> int | None:
    """The vendor of the one open session."""
    db.session.commit()
    return db.session.scalars(select(UserSession).where(UserSession.ended_at.is_(None))).one().vendor_id


def test_staff_of_one_vendor_land_in_its_console(page: Page, acme: Vendor) -> None:
    sign_in(page, make_staff(acme))

    assert page.location == "/Customer"
    assert desk() == acme.id


def test_a_closed_console_page_leads_to_sign_in_and_back(page: Page, acme: Vendor) -> None:
    sign_in(page, make_staff(acme), "/SignIn?next=/Product")

    assert page.location == "/Product"


def test_customers_land_on_their_portals(page: Page, acme: Vendor) -> None:
    sign_in(page, make_customer_user(acme))

    assert page.location == "/Portal/Admin"
    assert desk() is None


def test_a_wrong_password_is_refused(page: Page, acme: Vendor) -> None:
    user = make_staff(acme)

    page.get("/SignIn").submit({"email": user.email, "password": "wrong password"}, status=422)

    assert "The e-mail address or the password is wrong." in page.text
    assert page.find_form().select_one("#email")["value"] == user.email


def test_staff_need_the_mailed_code_every_time(page: Page, strict: Vendor) -> None:
    user = make_staff(strict)
    for _time in range(2):
        sign_in(page, user)
        assert page.location == "/SignIn?step=second_step"
        page.follow().submit({"code": sent_mails(user.email)[-1].code})
        assert page.location == "/Customer"
        page.get("/SignIn", status=303)
        page.get("/Portal/@strict.example/Account").submit(form='form[action$="/SignOut"]')


def test_a_wrong_code_signs_nobody_in(page: Page, strict: Vendor) -> None:
    user = make_staff(strict)
    sign_in(page, user).follow()
    code = sent_mails(user.email)[-1].code

    page.submit({"code": "000000" if code != "000000" else "000001"}, status=422)

    assert db.session.scalars(select(UserSession)).all() == []


def test_customers_at_the_page_for_everyone_follow_their_vendors_switch(page: Page, strict: Vendor) -> None:
    sign_in(page, make_customer_user(strict))
    assert page.location == "/SignIn?step=second_step"

    sign_in(page, make_user())
    assert page.location == "/SignIn?step=second_step"


def test_staff_of_two_vendors_choose_one_and_may_choose_again(page: Page, acme: Vendor, globex: Vendor) -> None:
    user = make_staff(acme)
    also_staff(user, globex)
    sign_in(page, user, "/SignIn?next=/Product")
    assert desk() is None
    page.follow()
    assert "Acme" in page.text and "Globex" in page.text

    page.submit({"vendor": str(globex.id)})
    assert (page.location, desk()) == ("/Product", globex.id)

    page.get("/SignIn").submit({"vendor": str(acme.id)})
    assert (page.location, desk()) == ("/Customer", acme.id)


def test_a_vendor_one_does_not_work_for_cannot_be_chosen(page: Page, acme: Vendor, globex: Vendor) -> None:
    page.sign_in(make_staff(acme))
    for chosen in (str(globex.id), "", "x", "99999999999999999999", "1_0"):
        page.get("/SignIn").submit({"vendor": chosen}, status=403)

    assert desk() is None


def test_a_session_from_a_portal_opens_the_console_of_a_vendor_without_second_step(page: Page, acme: Vendor) -> None:
    page.sign_in(make_staff(acme))

    page.get("/SignIn").submit({"vendor": str(acme.id)})

    assert desk() == acme.id


def test_a_session_without_second_step_does_not_open_a_console_that_asks_for_it(page: Page, strict: Vendor) -> None:
    page.sign_in(make_staff(strict))

    page.get("/SignIn").submit({"vendor": str(strict.id)}).follow()

    assert "asks its staff for a second step" in page.text
    assert page.find_form().select_one("#password")


def test_a_console_closes_when_its_vendor_begins_to_ask_for_the_second_step(page: Page, strict: Vendor) -> None:
    page.sign_in(make_staff(strict), vendor=strict)

    page.get("/Customer", status=303).follow()

    assert page.find_form().select_one("#password")


def test_a_bad_token_keeps_what_was_typed(page: Page, acme: Vendor) -> None:
    page.get("/SignIn").submit({"email": "ada@mail.example", "password": PASSWORD, "csrf_token": "bad"}, status=400)

    assert page.find_form().select_one("#email")["value"] == "ada@mail.example"
    assert PASSWORD not in page.html


def test_staff_sign_out(page: Page, acme: Vendor) -> None:
    page.sign_in(make_staff(acme), vendor=acme)
    page.get("/Portal/@acme.example/Account")
    token = page.soup.select_one("[name=csrf_token]")["value"]

    page.post("/SignOut", {"csrf_token": token})

    assert page.location == "/SignIn"
    assert db.session.scalars(select(UserSession).where(UserSession.ended_at.is_(None))).all() == []
