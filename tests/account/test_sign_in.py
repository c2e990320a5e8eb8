"""Signing in and out at a vendor's portal."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.account import passwords
from portal.account.models import KnownBrowser, MailedCode, User, UserSession
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.factories import PASSWORD, make_customer_user, make_user, make_vendor
from tests.support.mailbox import sent_mails
from tests.support.page import Page

HOME = "/Portal/@acme.example"
SIGN_IN = f"{HOME}/SignIn"


@pytest.fixture
def strict(app: Flask) -> Vendor:
    """A vendor who asks for the second step."""
    return make_vendor(domain="strict.example", name="Strict", second_step_for_customers=True)


def sign_in(page: Page, user: User, **fields: str) -> Page:
    """Fill in the sign-in form of Acme."""
    return page.get(SIGN_IN).submit({"email": user.email, "password": PASSWORD, **fields})


def is_in(page: Page, home: str = HOME) -> bool:
    """Whether a browser is signed in."""
    response = page.client.get(f"{home}/Account", base_url="http://localhost")
    return response.status_code == 200


def count(model: type) -> int:
    """How many rows a table holds."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_customer_signs_in_with_address_and_password(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)

    sign_in(page, user)

    assert page.location == f"{HOME}/Licenses"
    page.get(f"{HOME}/Account")
    assert user.email in page.text
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "account.sign_in")).one()
    assert (entry.vendor_id, entry.record, entry.actor_label) == (acme.id, f"user:{user.id}", user.email)


def test_upper_case_and_blanks_in_the_address_do_not_matter(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme, email="ada@mail.example")

    sign_in(page, user, email="  ADA@Mail.Example ")

    assert is_in(page)


@pytest.mark.parametrize("email", ["somebody@mail.example", "known@mail.example"])
def test_a_wrong_password_keeps_the_address_and_never_the_password(page: Page, acme: Vendor, email: str) -> None:
    make_customer_user(acme, email="known@mail.example")
    page.get(SIGN_IN)
    page.submit({"email": email, "password": "not the password"}, status=422)

    assert "The e-mail address or the password is wrong." in page.text
    assert page.find_form().select_one("#email")["value"] == email
    assert "not the password" not in page.html
    assert count(UserSession) == 0


def test_a_wrong_password_and_an_unknown_address_answer_alike(app: Flask, acme: Vendor) -> None:
    make_customer_user(acme, email="known@mail.example")
    answers = []
    for email in ("known@mail.example", "nobody@mail.example"):
        page = Page(app)
        page.get(SIGN_IN).submit({"email": email, "password": "not the password"}, status=422)
        body = re.sub(r'name="csrf_token" value="[^"]+"', "", page.html).replace(email, "")
        answers.append((body, sorted(name for name, _value in page.response.headers)))

    assert answers[0] == answers[1]


def test_an_account_without_a_password_cannot_be_entered_with_an_empty_one(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    user = db.session.get(User, user.id)
    user.password_hash = ""
    db.session.commit()

    page.get(SIGN_IN).submit({"email": user.email, "password": ""}, status=422)
    page.submit({"email": user.email, "password": "x"}, status=422)

    assert not is_in(page)


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        (f"{HOME}/Account", f"{HOME}/Account"),
        ("/\t/evil.example", f"{HOME}/Licenses"),
        ("//evil.example", f"{HOME}/Licenses"),
        ("https://evil.example/", f"{HOME}/Licenses"),
        ("/\\evil.example", f"{HOME}/Licenses"),
        ("javascript:alert(1)", f"{HOME}/Licenses"),
    ],
)
def test_next_never_leaves_this_site(page: Page, acme: Vendor, wanted: str, target: str) -> None:
    user = make_customer_user(acme)

    page.get(SIGN_IN).submit({"email": user.email, "password": PASSWORD, "next": wanted})

    assert page.location == target


def test_a_closed_page_leads_to_sign_in_and_back(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)

    page.get(f"{HOME}/Account/Sessions", status=303).follow()
    page.submit({"email": user.email, "password": PASSWORD})

    assert page.location == f"{HOME}/Account/Sessions"


def test_who_is_signed_in_already_is_sent_on(page: Page, acme: Vendor) -> None:
    page.sign_in(make_customer_user(acme))

    page.get(SIGN_IN, status=303)

    assert page.location == f"{HOME}/Licenses"


def test_the_session_changes_at_sign_in_and_the_old_one_ends(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    sign_in(page, user)
    before = page.client.get_cookie("latchkey-session", domain="localhost").value
    page.post(f"{HOME}/SignOut", status=400)
    page.get(f"{HOME}/Account").submit(form='form[action$="/SignOut"]')
    sign_in(page, user)
    after = page.client.get_cookie("latchkey-session", domain="localhost").value

    assert before != after
    assert [row.ended_at is None for row in db.session.scalars(select(UserSession).order_by(UserSession.id))] == [
        False,
        True,
    ]


def test_after_signing_out_the_old_cookies_sign_nobody_in(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    sign_in(page, user, remember="y")
    kept = {
        name: page.client.get_cookie(name, domain="localhost").value
        for name in ("latchkey-session", "latchkey-remember")
    }
    page.get(f"{HOME}/Account").submit(form='form[action$="/SignOut"]').follow()
    assert "You are signed out." in page.text

    thief = Page(app)
    for name, value in kept.items():
        thief.client.set_cookie(name, value, domain="localhost")

    assert not is_in(thief)
    assert not is_in(page)


def test_signing_out_twice_is_fine(page: Page, acme: Vendor) -> None:
    page.get(SIGN_IN).post(f"{HOME}/SignOut")

    assert page.location == SIGN_IN


def test_an_old_form_of_another_session_does_not_sign_out(page: Page, acme: Vendor) -> None:
    page.sign_in(make_customer_user(acme))

    page.post(f"{HOME}/SignOut", {"csrf_token": "stale"}, status=400)

    assert is_in(page)


def test_a_session_ends_after_twelve_idle_hours(page: Page, acme: Vendor) -> None:
    sign_in(page, make_customer_user(acme))
    clock.move(timedelta(hours=11))
    assert is_in(page)
    clock.move(timedelta(hours=11))
    assert is_in(page)

    clock.move(timedelta(hours=12, minutes=1))

    assert not is_in(page)


def test_outdated_hashes_are_renewed_at_sign_in(page: Page, acme: Vendor) -> None:
    from argon2 import PasswordHasher

    user = make_customer_user(acme)
    user = db.session.get(User, user.id)
    user.password_hash = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    db.session.commit()

    sign_in(page, user)

    db.session.expire_all()
    renewed = db.session.get(User, user.id).password_hash
    assert not passwords.is_outdated(renewed)
    assert passwords.verify(renewed, PASSWORD)


def test_an_unknown_browser_needs_the_mailed_code_and_is_known_afterwards(page: Page, strict: Vendor) -> None:
    user = make_customer_user(strict)
    home = "/Portal/@strict.example"
    page.get(f"{home}/SignIn?next={home}/Account").submit({"email": user.email, "password": PASSWORD})
    assert count(UserSession) == 0
    page.follow()
    assert page.find_form().select_one("#code")
    page.submit({"code": sent_mails(user.email)[-1].code})
    assert page.location == f"{home}/Account"
    assert is_in(page, home)

    page.get(f"{home}/Account").submit(form='form[action$="/SignOut"]')
    page.get(f"{home}/SignIn").submit({"email": user.email, "password": PASSWORD})

    assert page.location == f"{home}/Licenses"
    assert is_in(page, home)
    assert count(MailedCode) == 1


def test_a_browser_known_for_one_person_is_unknown_for_another(page: Page, strict: Vendor) -> None:
    first, second = make_customer_user(strict), make_customer_user(strict)
    home = "/Portal/@strict.example"
    for user in (first, second):
        page.get(f"{home}/SignIn").submit({"email": user.email, "password": PASSWORD}).follow()
        page.submit({"code": sent_mails(user.email)[-1].code})
        page.get(f"{home}/Account").submit(form='form[action$="/SignOut"]')

    assert count(KnownBrowser) == 2
    page.get(f"{home}/SignIn").submit({"email": first.email, "password": PASSWORD})
    assert page.location == f"{home}/Licenses"


def test_a_session_from_a_vendor_without_second_step_does_not_open_one_with_it(
    page: Page, acme: Vendor, strict: Vendor
) -> None:
    user = make_customer_user(acme)
    sign_in(page, user)

    page.get("/Portal/@strict.example/Account", status=303)

    assert page.location.startswith("/Portal/@strict.example/SignIn?next=")
    page.follow()
    assert page.find_form().select_one("#password")


def test_a_mailed_code_stands_in_for_the_password(page: Page, strict: Vendor) -> None:
    user = make_customer_user(strict)
    home = "/Portal/@strict.example"
    page.get(f"{home}/SignIn").submit({"email": user.email, "send_code": "1", "remember": "y"}).follow()
    assert user.email not in page.text

    page.submit({"code": sent_mails(user.email)[-1].code})

    assert page.location == f"{home}/Licenses"
    assert is_in(page, home)
    assert page.client.get_cookie("latchkey-remember", domain="localhost")


def test_asking_for_a_code_answers_alike_for_known_and_unknown_addresses(app: Flask, acme: Vendor) -> None:
    make_user(email="known@mail.example")
    answers = []
    for email in ("known@mail.example", "nobody@mail.example"):
        page = Page(app)
        page.get(SIGN_IN).submit({"email": email, "send_code": "1"})
        headers = sorted(name for name, _value in page.response.headers)
        page_after = page.location, headers, page.follow().text
        page.submit({"code": "000000"}, status=422)
        answers.append((page_after, page.text))

    assert answers[0] == answers[1]
    assert [mail.recipient for mail in sent_mails()] == ["known@mail.example"]
    assert count(MailedCode) == 2
