"""Passwords: which may be chosen, and setting a new one by mail or from the account page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.account import passwords
from portal.account.models import KnownBrowser, MailedCode, User, UserSession
from portal.errors import Invalid
from portal.extensions import db
from portal.outbox.models import OutboxItem
from portal.vendors.models import Vendor
from tests.factories import PASSWORD, make_customer_user, make_vendor
from tests.support.mailbox import sent_mails
from tests.support.page import Page

HOME = "/Portal/@acme.example"
NEW = "seven green bottles"


def ask(page: Page, email: str) -> str:
    """Ask for a new password; returns the path of the mailed link."""
    page.get(f"{HOME}/ForgotPassword").submit({"email": email}).follow()
    return sent_mails(email)[-1].links[0].removeprefix("http://localhost")


def open_link(page: Page, path: str) -> Page:
    """Follow the mailed link to the clean page."""
    page.get(path, status=303)
    while page.response.status_code == 303:
        page.get(page.location, status=page.client.get(page.location, base_url="http://localhost").status_code)
    return page


def stored(user: User) -> str:
    db.session.commit()
    return db.session.scalar(select(User.password_hash).where(User.id == user.id)) or ""


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 257,
        "password1",
        "PASSWORD1",
        "aaaaaaaaaaaa",
        "acme2026!",
        "latchkey123",
        "ada.lovelace1",
        "ada@mail.example",
    ],
)
def test_bad_passwords_are_refused(app: Flask, password: str) -> None:
    with app.test_request_context(), pytest.raises(Invalid):
        passwords.check(password, ("Acme", "acme.example", "Ada Lovelace", "ada@mail.example"))


@pytest.mark.parametrize("password", ["x1y2z3w4", PASSWORD, NEW, "ünïcödé-wörds", "x" * 3 + "yz" * 100, "        a b"])
def test_other_passwords_are_taken_whatever_they_are_made_of(app: Flask, password: str) -> None:
    with app.test_request_context():
        passwords.check(password, ("Acme", "acme.example", "Ada Lovelace", "ada@mail.example"))


def test_the_hash_of_nobody_takes_as_long_as_any(app: Flask) -> None:
    assert not passwords.is_outdated(passwords.NOBODY)
    assert "m=47104,t=1,p=1" in passwords.hash_password(PASSWORD)
    assert not passwords.verify("", "") and not passwords.verify("nonsense", "x")


def test_a_new_password_by_the_mailed_link_in_the_same_browser(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    before = Page(page.app).sign_in(user)

    open_link(page, ask(page, user.email))
    assert page.path == f"{HOME}/ResetPassword"
    assert page.response.headers["Referrer-Policy"] == "no-referrer"
    assert not page.find_form().select_one("#code")
    page.submit({"password": NEW})

    assert page.location == f"{HOME}/SignIn"
    assert passwords.verify(stored(user), NEW)
    before.get(f"{HOME}/Account", status=303)
    assert [mail.name for mail in sent_mails(user.email)] == ["reset_password", "password_changed"]
    page.follow()
    assert "Your new password is set." in page.text


def test_another_browser_also_needs_the_code(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    path = ask(page, user.email)
    code = sent_mails(user.email)[-1].code
    other = open_link(Page(app), path)
    assert other.find_form().select_one("#code")

    other.submit({"password": NEW}, status=422)
    other.submit({"password": NEW, "code": "000000" if code != "000000" else "000001"}, status=422)
    assert passwords.verify(stored(user), PASSWORD)
    other.submit({"password": NEW, "code": code})

    assert passwords.verify(stored(user), NEW)


def test_the_asking_browser_may_type_the_code_without_the_link(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    ask(page, user.email)

    page.submit({"password": NEW, "code": sent_mails(user.email)[-1].code})

    assert passwords.verify(stored(user), NEW)


def test_without_cookies_the_page_is_shown_and_works_with_the_code(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    path = ask(page, user.email)
    bare = app.test_client(use_cookies=False)

    first = bare.get(path)
    second = bare.get(first.headers["Location"])

    assert (first.status_code, second.status_code) == (303, 200)
    assert 'name="token"' in second.get_data(as_text=True)


def test_opening_the_link_changes_nothing(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    path = ask(page, user.email)
    for _scan in range(3):
        page.client.head(path, base_url="http://localhost")
        open_link(page, path)

    page.submit({"password": NEW})


def test_a_link_works_once(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    path = ask(page, user.email)
    open_link(page, path).submit({"password": NEW})

    open_link(page, path).submit({"password": "other green bottles"}, status=422)

    assert "no longer works" in page.text
    assert passwords.verify(stored(user), NEW)


@pytest.mark.parametrize("change", ["=", "==", "A", "é", "/", "%00"])
def test_an_altered_token_sets_nothing(app: Flask, page: Page, acme: Vendor, change: str) -> None:
    user = make_customer_user(acme)
    token = ask(page, user.email).partition("token=")[2]
    page.get(f"{HOME}/ResetPassword")

    page.submit({"token": token + change, "password": NEW}, status=422)

    assert passwords.verify(stored(user), PASSWORD)


def test_a_link_ends_after_ten_minutes_and_with_a_newer_one(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    first = ask(page, user.email)
    second = ask(page, user.email)
    open_link(page, first).submit({"password": NEW}, status=422)
    clock.move(timedelta(minutes=10, seconds=1))
    open_link(page, second).submit({"password": NEW}, status=422)

    assert passwords.verify(stored(user), PASSWORD)


def test_a_reset_at_another_vendor_does_not_fit(page: Page, acme: Vendor, globex: Vendor) -> None:
    user = make_customer_user(acme)
    path = ask(page, user.email).replace("acme", "globex")

    open_link(page, path).submit({"password": NEW}, status=422)


def test_a_weak_password_keeps_the_link_usable(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme, email="lovelace@mail.example")
    open_link(page, ask(page, user.email))
    for weak in ("short", "lovelace1815", "acme-2026"):
        page.submit({"password": weak}, status=422)
        assert weak not in page.html

    page.submit({"password": NEW})


def test_a_reset_does_not_get_around_the_second_step(page: Page, app: Flask) -> None:
    make_vendor(domain="acme.example", name="Acme", second_step_for_customers=True)
    from portal.vendors import service as vendors

    user = make_customer_user(vendors.get_by_domain("acme.example"))
    open_link(page, ask(page, user.email)).submit({"password": NEW}).follow()

    page.submit({"email": user.email, "password": NEW})

    assert page.location.endswith("SignIn?step=second_step")


def test_a_reset_for_an_unknown_address_looks_the_same_and_mails_nothing(app: Flask, acme: Vendor) -> None:
    make_customer_user(acme, email="known@mail.example")
    answers = []
    for email in ("known@mail.example", "nobody@mail.example"):
        page = Page(app)
        page.get(f"{HOME}/ForgotPassword").submit({"email": email})
        headers = sorted(name for name, _value in page.response.headers)
        asked = page.location, headers, page.follow().text
        page.submit({"password": NEW, "code": "000000"}, status=422)
        answers.append((asked, page.text))

    assert answers[0] == answers[1]
    assert [mail.recipient for mail in sent_mails()] == ["known@mail.example"]
    rows = (
        db.session.scalar(select(func.count()).select_from(OutboxItem)),
        db.session.scalar(select(func.count()).select_from(MailedCode)),
    )
    assert rows == (2, 2)


def test_the_account_page_changes_the_password_and_signs_out_elsewhere(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    elsewhere = Page(app).sign_in(user)
    db.session.add(KnownBrowser(user_id=user.id, token_digest="x" * 64, expires_at=clock.now() + timedelta(days=1)))
    db.session.commit()
    page.sign_in(user).get(f"{HOME}/Account/Password")

    page.submit({"current_password": "wrong password", "password": NEW}, status=422)
    assert "This is not your current password." in page.text
    page.submit({"current_password": PASSWORD, "password": NEW}).follow()

    assert "Your new password is set." in page.text
    assert passwords.verify(stored(user), NEW)
    elsewhere.get(f"{HOME}/Account", status=303)
    assert [mail.name for mail in sent_mails(user.email)] == ["password_changed"]
    assert db.session.scalars(select(KnownBrowser)).all() == []
    assert db.session.scalar(select(func.count()).where(UserSession.ended_at.is_(None))) == 1


def test_who_has_no_password_sets_the_first_one_by_mail(page: Page, acme: Vendor) -> None:
    user = db.session.get(User, make_customer_user(acme).id)
    user.password_hash = ""
    db.session.commit()
    page.sign_in(user).get(f"{HOME}/Account/Password")

    page.submit({"email": user.email}).follow()
    page.submit({"password": NEW, "code": sent_mails(user.email)[-1].code})

    assert passwords.verify(stored(user), NEW)
