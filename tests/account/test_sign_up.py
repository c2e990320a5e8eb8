"""Confirming the address of a new account."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.account import passwords
from portal.account.models import MailedCode, User
from portal.associate import links
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.factories import PASSWORD, make_user
from tests.support.mailbox import sent_mails
from tests.support.page import Page

CONFIRM = "/Portal/@acme.example/ConfirmEmail"
EMAIL = "ada@engine.example"


def sign_up(page: Page, vendor: Vendor, **typed: str) -> Page:
    """Send the form behind the generic link."""
    values = {"name": "Ada Lovelace", "email": EMAIL, "password": "a long enough phrase", **typed}
    page.get(links.sign_up_link(vendor)).submit(values).follow()
    assert page.path == CONFIRM
    return page


def users() -> list[User]:
    db.session.commit()
    return list(db.session.scalars(select(User)))


def test_the_account_exists_only_after_the_code(page: Page, acme: Vendor) -> None:
    sign_up(page, acme)
    assert users() == []

    page.submit({"code": sent_mails(EMAIL)[-1].code})

    user = users()[0]
    assert (user.email, user.name, user.email_confirmed_at is not None) == (EMAIL, "Ada Lovelace", True)
    assert passwords.verify(user.password_hash, "a long enough phrase")
    page.get("/Portal/@acme.example/Account")
    actions = list(db.session.scalars(select(AuditEntry.action).where(AuditEntry.actor_label == EMAIL)))
    assert {"account.create", "account.sign_in"} <= set(actions)


def test_the_mailed_link_fills_in_the_code_and_changes_nothing(page: Page, acme: Vendor) -> None:
    sign_up(page, acme)
    mail = sent_mails(EMAIL)[-1]
    path = mail.links[0].removeprefix("http://localhost")

    page.client.head(path, base_url="http://localhost")
    page.get(path)
    assert page.find_form().select_one("#code")["value"] == mail.code
    assert users() == []
    page.submit()

    assert len(users()) == 1


def test_another_browser_is_told_to_use_the_first(app: Flask, page: Page, acme: Vendor) -> None:
    sign_up(page, acme)
    mail = sent_mails(EMAIL)[-1]
    other = Page(app).get(mail.links[0])
    assert "Go back there and type the code" in other.text

    other.submit(status=422)

    assert users() == []
    page.submit({"code": mail.code})


def test_a_new_code_can_be_mailed_and_ends_the_old_one(page: Page, acme: Vendor) -> None:
    sign_up(page, acme)
    first = sent_mails(EMAIL)[-1].code

    page.submit({"resend": "1"}, form="form:has([name=resend])").follow()
    assert "A new code is on its way." in page.text
    second = sent_mails(EMAIL)[-1].code
    if first != second:
        page.submit({"code": first}, status=422)
    page.submit({"code": second})

    assert users()[0].name == "Ada Lovelace"


def test_without_a_sign_up_nothing_is_mailed_again(page: Page, acme: Vendor) -> None:
    token = page.get(CONFIRM).find_form().select_one("[name=csrf_token]")["value"]

    page.post(CONFIRM, {"csrf_token": token, "resend": "1"}, status=422)
    page.post(CONFIRM, {"csrf_token": "bad", "resend": "1"}, status=400)

    assert sent_mails() == []


def test_a_sign_up_ends_after_ten_minutes(page: Page, acme: Vendor) -> None:
    sign_up(page, acme)
    clock.move(timedelta(minutes=10, seconds=1))

    page.submit({"code": sent_mails(EMAIL)[-1].code}, status=422)

    assert users() == []


def test_what_was_typed_waits_sealed(page: Page, acme: Vendor) -> None:
    sign_up(page, acme)

    row = db.session.scalars(select(MailedCode)).one()

    assert row.facts.startswith("v1:")
    assert "Ada" not in row.facts and "argon2" not in row.facts


def test_known_and_unknown_addresses_look_alike(app: Flask, acme: Vendor) -> None:
    make_user(email="known@mail.example")
    answers = []
    for email in ("known@mail.example", "nobody@mail.example"):
        page = Page(app)
        page.get(links.sign_up_link(acme)).submit(
            {"name": "Ada Lovelace", "email": email, "password": "a long enough phrase"}
        )
        headers = sorted(name for name, _value in page.response.headers)
        cookies = sorted(re.findall(r"^(\S+?)=", "\n".join(page.response.headers.getlist("Set-Cookie")), re.M))
        answers.append((page.location, headers, cookies, page.follow().text))

    assert answers[0] == answers[1]
    assert [mail.name for mail in sent_mails()] == ["existing_account", "confirm_email"]
    assert db.session.scalar(select(func.count()).select_from(MailedCode)) == 2


def test_an_existing_account_keeps_its_password_and_name(page: Page, acme: Vendor) -> None:
    make_user(email=EMAIL, name="Augusta")
    sign_up(page, acme)

    page.submit({"code": sent_mails(EMAIL)[-1].code})

    user = users()[0]
    assert user.name == "Augusta"
    assert passwords.verify(user.password_hash, PASSWORD)


def test_an_account_made_meanwhile_is_entered_not_overwritten(page: Page, acme: Vendor) -> None:
    sign_up(page, acme)
    make_user(email=EMAIL, name="Augusta")

    page.submit({"code": sent_mails(EMAIL)[-1].code})

    assert [user.name for user in users()] == ["Augusta"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("password", "acme2026", "This is too close to"),
        ("password", "password1", "Too many people use this password."),
        ("password", "short", "Use at least 8 characters."),
        ("password", "x1y2" * 65, "Use at most 256 characters."),
        ("name", "x" * 101, ""),
        ("email", "ada@", "This is not an e-mail address."),
    ],
)
def test_bad_fields_are_explained_and_kept(page: Page, acme: Vendor, field: str, value: str, message: str) -> None:
    values = {"name": "Ada Lovelace", "email": EMAIL, "password": "a long enough phrase", field: value}

    page.get(links.sign_up_link(acme)).submit(values, status=422)

    assert message in page.text
    assert page.soup.select_one("#email")["value"] == values["email"]
    assert page.soup.select_one("#name")["value"] == values["name"]
    assert values["password"] not in page.html
    assert ("Please type it again" in page.text) == (field != "password")
    assert sent_mails() == []
