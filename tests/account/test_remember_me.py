"""Remember-me: a token that changes with every use and betrays a copy."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.account.models import UserSession
from portal.account.remembering import GRACE
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.factories import PASSWORD, make_customer_user, make_staff
from tests.support.page import Page

HOME = "/Portal/@acme.example"
COOKIE = "latchkey-remember"


def remembered(page: Page, vendor: Vendor) -> str:
    """Sign in with the box ticked; returns the cookie."""
    user = make_customer_user(vendor)
    page.get(f"{HOME}/SignIn").submit({"email": user.email, "password": PASSWORD, "remember": "y"})
    return token_of(page)


def token_of(page: Page) -> str:
    cookie = page.client.get_cookie(COOKIE, domain="localhost")
    return cookie.value if cookie else ""


def browser_with(app: Flask, token: str) -> Page:
    """Another browser that holds only this remember-me cookie."""
    other = Page(app)
    other.client.set_cookie(COOKIE, token, domain="localhost")
    return other


def is_in(page: Page) -> bool:
    return page.client.get(f"{HOME}/Account", base_url="http://localhost").status_code == 200


def session() -> UserSession:
    db.session.commit()
    return db.session.scalars(select(UserSession)).one()


def test_the_cookie_lives_for_thirty_days_and_signs_in_after_idle_hours(page: Page, acme: Vendor) -> None:
    remembered(page, acme)
    clock.move(timedelta(days=29))
    assert is_in(page)
    clock.move(timedelta(days=1, minutes=1))
    assert not is_in(page)
    assert token_of(page) == ""


def test_a_session_in_daily_use_ends_after_thirty_days(page: Page, acme: Vendor) -> None:
    page.sign_in(make_customer_user(acme))
    for _half_day in range(61):
        assert is_in(page)
        clock.move(timedelta(hours=11, minutes=59))

    assert is_in(page)  # the thirty days are over: it counts as idle from its last extension on
    clock.move(timedelta(hours=11, minutes=59))
    assert not is_in(page)


def test_without_the_tick_there_is_no_cookie(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    page.get(f"{HOME}/SignIn").submit({"email": user.email, "password": PASSWORD})

    assert token_of(page) == ""


def test_each_use_changes_the_token_and_the_session(page: Page, acme: Vendor) -> None:
    first = remembered(page, acme)
    digest = session().token_digest
    clock.move(timedelta(hours=13))

    assert is_in(page)

    second = token_of(page)
    assert second != first
    assert second.partition(".")[0] == first.partition(".")[0]
    assert session().token_digest != digest


def test_parallel_requests_with_the_token_just_replaced_are_let_in(app: Flask, page: Page, acme: Vendor) -> None:
    first = remembered(page, acme)
    clock.move(timedelta(hours=13))
    assert is_in(page)

    parallel = browser_with(app, first)

    assert is_in(parallel)
    assert token_of(parallel) == first
    assert is_in(page)


def test_a_copied_cookie_ends_the_session_for_thief_and_owner(app: Flask, page: Page, acme: Vendor) -> None:
    first = remembered(page, acme)
    clock.move(timedelta(hours=13))
    thief = browser_with(app, first)
    assert is_in(thief)
    clock.move(GRACE + timedelta(seconds=1))

    assert not is_in(page)

    assert session().ended_at is not None
    assert not is_in(thief)


def test_a_wrong_verifier_ends_the_session_and_a_wrong_selector_nothing(app: Flask, page: Page, acme: Vendor) -> None:
    token = remembered(page, acme)
    selector = token.partition(".")[0]
    for odd in ("", ".", "x", "x.y", f"{selector[:-1]}.{token}"):
        assert not is_in(browser_with(app, odd))
    assert session().ended_at is None

    assert not is_in(browser_with(app, f"{selector}.guess"))

    assert session().ended_at is not None


def test_a_resumed_session_may_send_forms(app: Flask, page: Page, acme: Vendor) -> None:
    fresh = browser_with(app, remembered(page, acme))

    fresh.get(f"{HOME}/Account").submit({"name": "New Name"}, form='form[action$="/Account"]').follow()

    assert "Saved." in fresh.text


def test_a_staff_session_is_not_remembered(page: Page, acme: Vendor) -> None:
    user = make_staff(acme)
    page.get("/SignIn").submit({"email": user.email, "password": PASSWORD, "remember": "y"})

    assert token_of(page) == ""


def test_a_remembered_session_that_opens_a_console_is_remembered_no_longer(page: Page, acme: Vendor) -> None:
    user = make_staff(acme)
    page.get(f"{HOME}/SignIn").submit({"email": user.email, "password": PASSWORD, "remember": "y"})
    assert token_of(page)
    page.get("/SignIn").submit({"vendor": acme.id}).follow()
    assert token_of(page) == ""
    clock.move(timedelta(hours=13))

    page.get("/Customer", status=303)

    assert page.location.startswith("/SignIn")


def test_an_answer_that_signs_in_is_kept_in_no_cache(app: Flask, page: Page, acme: Vendor) -> None:
    fresh = browser_with(app, remembered(page, acme))

    fresh.get(f"{HOME}/theme.css?v=2f5bd7")

    assert "latchkey-session" in str(fresh.response.headers.getlist("Set-Cookie"))
    assert fresh.response.headers["Cache-Control"] == "no-store"


def test_a_made_up_cookie_waits_for_no_writer(app: Flask, acme: Vendor) -> None:
    with db.engine.begin() as writer:  # on SQLite this holds the one write lock
        writer.execute(select(UserSession.id).with_for_update())
        began = clock.monotonic()
        browser_with(app, "made-up.cookie").get(f"{HOME}/SignIn")

    assert clock.monotonic() - began < 5
