"""Mailed codes: one browser, five tries, ten minutes, once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from portal import clock, throttle
from portal.account.models import MailedCode, UserSession
from portal.extensions import db
from portal.throttle import ThrottleCounter
from portal.vendors.models import Vendor
from tests.factories import make_customer_user
from tests.support.mailbox import sent_mails
from tests.support.page import Page

SIGN_IN = "/Portal/@acme.example/SignIn"


def ask(page: Page, email: str) -> str:
    """Have a sign-in code mailed; returns it."""
    page.get(SIGN_IN).submit({"email": email, "send_code": "1"}).follow()
    return sent_mails(email)[-1].code


def other_than(code: str) -> str:
    """A wrong code."""
    return "000000" if code != "000000" else "000001"


def sessions() -> int:
    return db.session.scalar(select(func.count()).select_from(UserSession)) or 0


def test_a_wrong_code_may_be_corrected(page: Page, acme: Vendor) -> None:
    code = ask(page, make_customer_user(acme).email)

    page.submit({"code": other_than(code)}, status=422)
    assert "This is not the code." in page.text
    page.submit({"code": f"{code[:3]} {code[3:]}"})

    assert page.location == "/Portal/@acme.example/Licenses"


def test_after_five_wrong_tries_the_right_code_no_longer_works(page: Page, acme: Vendor) -> None:
    code = ask(page, make_customer_user(acme).email)
    for _try in range(5):
        page.submit({"code": other_than(code)}, status=422)
    assert "it no longer works" in page.text

    page.submit({"code": code}, status=422)

    assert "This code no longer works. Ask for a new one." in page.text
    assert sessions() == 0


def test_a_code_works_for_ten_minutes(page: Page, acme: Vendor) -> None:
    code = ask(page, make_customer_user(acme).email)
    clock.move(timedelta(minutes=10, seconds=1))

    page.submit({"code": code}, status=422)

    assert "This code no longer works." in page.text


def test_a_code_works_once(app: Flask, page: Page, acme: Vendor) -> None:
    code = ask(page, make_customer_user(acme).email)
    browser = page.client.get_cookie("latchkey-browser", domain="localhost").value
    page.submit({"code": code})
    again = Page(app)
    again.client.set_cookie("latchkey-browser", browser, domain="localhost")

    again.get(f"{SIGN_IN}?step=sign_in").submit({"code": code}, status=422)

    assert sessions() == 1


def test_a_code_works_only_in_the_browser_that_asked(app: Flask, page: Page, acme: Vendor) -> None:
    code = ask(page, make_customer_user(acme).email)
    other = Page(app)

    other.get(f"{SIGN_IN}?step=sign_in").submit({"code": code}, status=422)

    assert sessions() == 0
    page.submit({"code": code})


def test_the_newest_code_ends_the_older_ones(page: Page, acme: Vendor) -> None:
    email = make_customer_user(acme).email
    first = ask(page, email)
    second = ask(page, email)

    if first != second:
        page.submit({"code": first}, status=422)
    page.submit({"code": second})


def test_a_code_of_another_vendor_does_not_fit(page: Page, acme: Vendor, globex: Vendor) -> None:
    code = ask(page, make_customer_user(acme).email)

    page.get("/Portal/@globex.example/SignIn?step=sign_in").submit({"code": code}, status=422)

    assert sessions() == 0


def test_codes_are_kept_only_as_keyed_digests(page: Page, acme: Vendor) -> None:
    code = ask(page, make_customer_user(acme).email)

    row = db.session.scalars(select(MailedCode)).one()

    assert all(code != str(getattr(row, column.key)) for column in MailedCode.__table__.columns)
    assert len(row.code_digest) == 64


def test_of_many_at_once_exactly_one_uses_a_code(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    for _round in range(5):
        code = ask(page, user.email)
        browser = page.client.get_cookie("latchkey-browser", domain="localhost").value
        statuses: list[int] = []
        racers = [threading.Thread(target=_race, args=(app, browser, code, statuses)) for _ in range(4)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert sorted(statuses) == [303, 422, 422, 422]
        db.session.execute(update(ThrottleCounter).values(count=0))
        db.session.commit()


def _race(app: Flask, browser: str, code: str, statuses: list[int]) -> None:
    racer = Page(app)
    racer.client.set_cookie("latchkey-browser", browser, domain="localhost")
    with app.app_context():
        racer.get(f"{SIGN_IN}?step=sign_in")
        form = racer.find_form()
        token = form.select_one("[name=csrf_token]")["value"]
        response = racer.client.post(
            SIGN_IN, data={"csrf_token": token, "code": code, "step": "sign_in"}, base_url="http://localhost"
        )
    statuses.append(response.status_code)


def test_too_many_mails_to_one_address_have_to_wait(page: Page, acme: Vendor) -> None:
    email = make_customer_user(acme).email
    for _try in range(10):
        page.get(SIGN_IN).submit({"email": email, "send_code": "1"})

    page.get(SIGN_IN).submit({"email": email, "send_code": "1"}, status=429)

    assert 0 < int(page.response.headers["Retry-After"]) <= 600
    assert "Wait 10 minutes, then try again. Nothing is locked for good." in page.text
    clock.move(timedelta(minutes=10, seconds=1))
    page.get(SIGN_IN).submit({"email": email, "send_code": "1"})


def test_every_limit_can_be_read(app: Flask) -> None:
    for name in throttle.LIMITS:
        throttle.hit(name, "somebody")


@pytest.mark.parametrize("code", ["12345", "1234567", "abcdef", "１２３４５６", "-12345", "", "12 34", "1_2345"])
def test_what_is_not_six_digits_is_refused_without_using_a_try(page: Page, acme: Vendor, code: str) -> None:
    ask(page, make_customer_user(acme).email)

    page.submit({"code": code}, status=422)

    assert db.session.scalar(select(MailedCode.tries)) == 0


@pytest.mark.parametrize("page_name", ["SignIn", "ForgotPassword"])
def test_a_code_goes_to_the_mailbox_of_the_account(page: Page, acme: Vendor, page_name: str) -> None:
    """Two spellings that compare as equal may be two mailboxes, and the second one a stranger's."""
    make_customer_user(acme, email="maria@mail.example")
    page.get(f"/Portal/@acme.example/{page_name}").submit({"email": "MARIA@mail.example", "send_code": "1"})

    assert [mail.recipient for mail in sent_mails()] == ["maria@mail.example"]


def test_guessing_at_many_addresses_is_throttled_by_network(app: Flask, acme: Vendor) -> None:
    for number in range(20):
        page = Page(app)
        page.get(SIGN_IN).submit({"email": f"p{number}@mail.example", "send_code": "1"}).follow()
        for _try in range(5):
            page.submit({"code": "000000"}, status=422)
    page.get(SIGN_IN).submit({"email": "one.more@mail.example", "send_code": "1"}).follow()
    page.submit({"code": "000000"}, status=429)
