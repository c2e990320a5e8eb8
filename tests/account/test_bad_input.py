"""Bad input on the open pages: a clear 4xx, nothing changed, what was typed kept."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.account.models import MailedCode, UserSession
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.support.page import Page

HOME = "/Portal/@acme.example"
PAGES = [f"{HOME}/SignIn", f"{HOME}/ForgotPassword", f"{HOME}/ResetPassword", f"{HOME}/ConfirmEmail", "/SignIn"]
ODD = {
    "NUL": "a\x00b@mail.example",
    "control": "a\x1b@mail.example",
    "no at": "nobody",
    "two at": "a@b@c",
    "long": "a" * 400 + "@mail.example",
    "huge": "a" * 1_000_000,
    "lone surrogate": "a\ud800@mail.example",
    "line": "a@mail.example\r\nBcc: b@mail.example",
    "blank": "   ",
    "missing": None,
}


def nothing_changed() -> bool:
    db.session.commit()
    return not any(db.session.scalar(select(func.count()).select_from(model)) for model in (MailedCode, UserSession))


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("name", list(ODD))
def test_odd_values_in_every_field(page: Page, acme: Vendor, path: str, name: str) -> None:
    value = ODD[name]
    shown = value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if value else value
    page.get(path)
    fields = {"email": shown, "password": shown, "code": shown, "token": shown, "next": shown}
    wanted = {"email", "password", "code", "token"} & {tag["name"] for tag in page.find_form().select("[name]")}

    if name == "huge":
        wanted = {sorted(wanted)[0]}

    page.submit({name: fields[name] for name in wanted}, status=422)

    assert nothing_changed()
    assert page.soup.select_one("[role=alert]")


@pytest.mark.parametrize("path", PAGES)
def test_raw_bytes_that_are_no_text(page: Page, acme: Vendor, path: str) -> None:
    token = page.get(path).find_form().select_one("[name=csrf_token]")["value"]
    body = f"csrf_token={token}&email=%ff%fe%ed%a0%80&password=%c3%28&code=%00".encode()

    page.post(path, body, status=422, content_type="application/x-www-form-urlencoded")

    assert nothing_changed()


@pytest.mark.parametrize("path", PAGES)
def test_a_field_sent_twice(page: Page, acme: Vendor, path: str) -> None:
    page.get(path)
    token = page.find_form().select_one("[name=csrf_token]")["value"]

    page.post(path, {"csrf_token": token, "email": ["a@mail.example", "b@mail.example"]}, status=400)

    assert nothing_changed()


@pytest.mark.parametrize("path", PAGES)
def test_files_and_json_in_place_of_fields(page: Page, acme: Vendor, path: str) -> None:
    page.get(path)
    token = page.find_form().select_one("[name=csrf_token]")["value"]
    names = ("email", "password", "code")
    files = {name: (io.BytesIO(b"x"), "x.txt") for name in names}

    page.post(path, {"csrf_token": token, **files}, status=422)
    json = '{"email": {"a": 1}, "password": [[[]]]}'
    page.post(path, json, status=400, content_type="application/json")  # type: ignore[arg-type]

    assert nothing_changed()


@pytest.mark.parametrize("path", PAGES)
def test_other_methods_are_refused(app: Flask, page: Page, acme: Vendor, path: str) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        assert page.client.open(path, method=method, base_url="http://localhost").status_code == 405


@pytest.mark.parametrize("path", PAGES)
def test_odd_queries(page: Page, acme: Vendor, path: str) -> None:
    for query in ("next=%00", "code=a&code=b", "token=%ed%a0%80%00"):
        page.get(f"{path}?{query}", status=400)
    for query in ("code=%E2%82%AC", "step=nonsense", "next=%2F%09%2Fevil.example", "code=" + "9" * 5000):
        page.get(f"{path}?{query}")
    assert page.client.get(f"{path}?token={'x' * 5000}", base_url="http://localhost").status_code in (200, 303)


def test_a_bad_token_keeps_the_address(page: Page, acme: Vendor) -> None:
    for path in (f"{HOME}/SignIn", f"{HOME}/ForgotPassword"):
        page.get(path).submit(
            {"email": "ada@mail.example", "password": "some password", "csrf_token": "bad"}, status=400
        )
        assert page.find_form().select_one("#email")["value"] == "ada@mail.example"
        assert "some password" not in page.html
    assert nothing_changed()


@pytest.mark.parametrize("path", [f"{HOME}/ResetPassword", f"{HOME}/ConfirmEmail"])
def test_a_bad_token_keeps_the_code(page: Page, acme: Vendor, path: str) -> None:
    page.get(path).submit({"code": "123456", "password": "some password", "csrf_token": "bad"}, status=400)

    assert page.find_form().select_one("#code")["value"] == "123456"
    assert "some password" not in page.html
