"""The account page: name, and the browsers somebody is signed in with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.account import devices
from portal.account.models import KnownBrowser, User, UserSession
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.factories import make_customer_user, make_user
from tests.support.page import Page

ACCOUNT = "/Portal/@acme.example/Account"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36"
)


def test_a_person_changes_their_name(page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)

    page.sign_in(user).get(ACCOUNT).submit({"name": "  Ada   Lovelace "}, form='form[action$="/Account"]').follow()

    assert "Saved." in page.text
    db.session.commit()
    assert db.session.scalar(select(User.name).where(User.id == user.id)) == "Ada Lovelace"
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "account.edit")).one()
    assert (entry.before, entry.after) == ({"name": "Ada Example"}, {"name": "Ada Lovelace"})


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\x00b", "a\nb", "a\u2028b"])
def test_a_bad_name_is_refused_and_kept_in_the_field(page: Page, acme: Vendor, name: str) -> None:
    page.sign_in(make_customer_user(acme)).get(ACCOUNT)

    page.submit({"name": name}, form='form[action$="/Account"]', status=422)

    assert page.soup.select_one("#name[aria-invalid]")


def test_a_user_without_a_customer_still_reaches_their_account(page: Page, acme: Vendor) -> None:
    page.sign_in(make_user()).get(ACCOUNT)


def test_sessions_are_listed_and_ended_one_by_one(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    other = Page(app).sign_in(user)
    db.session.execute(UserSession.__table__.update().values(user_agent=FIREFOX, ip="192.0.2.9"))
    db.session.commit()
    page.sign_in(user).get(f"{ACCOUNT}/Sessions")
    assert "Firefox on Windows" in page.text and "192.0.2.9" in page.text and "This browser" in page.text

    page.submit(form="form:has([name=session]:not([value=others]))").follow()

    assert "You are signed in only here." in page.text
    other.get(ACCOUNT, status=303)
    page.get(ACCOUNT)


def test_all_other_sessions_are_ended_at_once(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    others = [Page(app).sign_in(user) for _ in range(3)]
    stranger = Page(app).sign_in(make_user())

    page.sign_in(user).get(f"{ACCOUNT}/Sessions").submit(form="form:has([value=others])")

    for other in others:
        other.get(ACCOUNT, status=303)
    stranger.get(ACCOUNT)
    page.get(ACCOUNT)


def test_ended_and_expired_sessions_are_not_listed(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    Page(app).sign_in(user)
    clock.move(timedelta(hours=13))

    page.sign_in(user).get(f"{ACCOUNT}/Sessions")

    assert "You are signed in only here." in page.text


def test_nobody_ends_anybody_elses_session(app: Flask, page: Page, acme: Vendor) -> None:
    victim = Page(app).sign_in(make_user())
    foreign = db.session.scalar(select(UserSession.id))
    page.sign_in(make_customer_user(acme)).get(f"{ACCOUNT}/Sessions")
    token = page.soup.select_one("[name=csrf_token]")["value"]
    for chosen in (str(foreign), "0", "-1", "", "x", "99999999999999999999", "١", "1_0"):
        page.post(f"{ACCOUNT}/Sessions", {"csrf_token": token, "session": chosen}, status=404)

    victim.get(ACCOUNT)


@pytest.mark.parametrize("path", ["", "/Password", "/Sessions"])
def test_account_pages_are_closed_without_a_session(page: Page, acme: Vendor, path: str) -> None:
    page.get(f"{ACCOUNT}{path}", status=303)
    page.post(f"{ACCOUNT}{path}", status=401)


def test_devices_have_names_people_know(app: Flask) -> None:
    with app.test_request_context():
        names = [devices.name_of(text) for text in (FIREFOX, CHROME, "curl/8", "", "Firefox/1")]
    assert names == ["Firefox on Windows", "Chrome on Android", "Unknown device", "Unknown device", "Firefox"]


def test_signing_out_everywhere_else_makes_other_browsers_unknown(app: Flask, page: Page, acme: Vendor) -> None:
    user = make_customer_user(acme)
    Page(app).sign_in(user)
    lost = KnownBrowser(user_id=user.id, token_digest="0" * 64, expires_at=clock.now() + timedelta(days=90))
    db.session.add(lost)
    db.session.commit()

    page.sign_in(user).get(f"{ACCOUNT}/Sessions").submit(form="form:has([value=others])")

    assert db.session.scalars(select(KnownBrowser)).all() == []
