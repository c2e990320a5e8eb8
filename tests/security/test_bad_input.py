"""Odd requests at every public address and at forms: a clear 4xx, nothing changed, never a 500."""

from __future__ import annotations

import contextvars

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import access
from portal.account.models import User
from portal.customers.models import Customer
from portal.extensions import db
from portal.vendors.models import Vendor
from tests import factories
from tests.support.page import Page

ODD_IDS = [
    "0",
    "-1",
    "9223372036854775808",
    "2147483648",
    "١",
    "1_0",
    "1.0",
    "1e3",
    "0x1",
    "%00",
    "1%00",
    "1%20",
    "01",
    "NaN",
    "a" * 3000,
]
ODD_TEXTS = [
    "%00",
    "%ED%A0%80",
    "%FF%FE",
    "%C0%80",
    "%E2%80%AE",
    "%0D%0ASet-Cookie:%20a=b",
    "'",
    '"><script>',
    "{{7*7}}",
    "%s%n",
    "A" * 5000,
]


def _status(page: Page, method: str, path: str, **options: object) -> int:
    db.session.commit()
    options.setdefault("base_url", "http://localhost")
    page.response = contextvars.Context().run(lambda: page.client.open(path, method=method, **options))
    return page.response.status_code


@pytest.mark.parametrize("odd", ODD_IDS)
@pytest.mark.parametrize(
    "page_path", ["/Customer/Edit/{}", "/Product/Detail/{}", "/License/{}", "/Portal/@acme.example/Licenses/{}"]
)
def test_an_odd_id_is_not_found(app: Flask, acme: Vendor, page_path: str, odd: str) -> None:
    user = factories.make_staff(acme)
    factories.make_association(user, factories.make_customer(acme))
    page = Page(app).sign_in(user, vendor=acme)

    assert _status(page, "GET", page_path.format(odd)) in (400, 404)


@pytest.mark.parametrize("odd", [*ODD_IDS, *ODD_TEXTS])
@pytest.mark.parametrize(
    "query", ["vid={}&auth=x", "id={}&auth=x", "vid=1&auth={}", "id=1&auth={}", "id=1&vid=1&auth={}"]
)
def test_an_odd_link_opens_nothing(app: Flask, acme: Vendor, query: str, odd: str) -> None:
    assert _status(Page(app), "GET", f"/Portal/@acme.example/Associate?{query.format(odd)}") in (400, 404)


@pytest.mark.parametrize("odd", ODD_TEXTS)
def test_odd_searches_and_cursors_do_not_break_lists(app: Flask, acme: Vendor, odd: str) -> None:
    page = Page(app).sign_in(factories.make_staff(acme), vendor=acme)
    for path in (
        "/Customer?q={}",
        "/Customer?before={}",
        "/Customer?after={}",
        "/Product/Detail/1?q={}",
        "/Audit?q={}",
        "/Data?refType={}",
    ):
        assert _status(page, "GET", path.format(odd)) < 500, path


def test_a_doubled_parameter_is_refused(app: Flask, acme: Vendor) -> None:
    page = Page(app)

    assert _status(page, "GET", "/Portal/@acme.example/Associate?vid=1&vid=2&auth=x") == 400
    assert _status(page, "POST", "/Portal/@acme.example/SignIn", data={"email": ["a@b.example", "c@d.example"]}) == 400


def test_a_foreign_host_is_refused_and_never_reaches_a_link(app: Flask, acme: Vendor) -> None:
    page = Page(app)

    assert _status(page, "GET", "/Portal/@acme.example/", base_url="http://evil.example") == 400
    assert b"evil.example" not in page.response.data


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_a_wrong_method_is_a_405(app: Flask, acme: Vendor, method: str) -> None:
    assert _status(Page(app), method, "/Portal/@acme.example/SignIn") == 405


def test_a_field_of_a_megabyte_is_refused(app: Flask, acme: Vendor) -> None:
    page = Page(app)
    page.get("/Portal/@acme.example/SignIn")
    token = page.soup.select_one("input[name=csrf_token]")["value"]  # type: ignore[index]
    for size, allowed in ((1_000_000, (413, 422)), (3_000_000, (413,))):
        data = {"csrf_token": token, "email": "a" * size, "password": "x"}
        assert _status(page, "POST", "/Portal/@acme.example/SignIn", data=data) in allowed


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[" * 100_000, "application/json"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\naaaa', "multipart/form-data; boundary=x"),
        (b"a=1&" * 5000, "application/x-www-form-urlencoded"),
        (b"<x/>", "text/xml"),
        (b"", "multipart/form-data"),
    ],
)  # fmt: skip
def test_an_odd_body_is_a_4xx(app: Flask, acme: Vendor, body: bytes, kind: str) -> None:
    for path in ("/Portal/@acme.example/SignIn", "/SignIn", "/Portal/@acme.example/Associate"):
        assert _status(Page(app), "POST", path, data=body, content_type=kind) in range(400, 500), path


def test_odd_characters_in_a_form_are_named_next_to_the_field_and_nothing_is_made(app: Flask, acme: Vendor) -> None:
    page = Page(app).sign_in(factories.make_staff(acme), vendor=acme)
    page.get("/Customer/Create")
    page.submit({"name": "A\x00B", "email": "ada@mail.example"}, status=422)

    assert page.soup.select_one("[name=email]")["value"] == "ada@mail.example"  # type: ignore[index]
    assert db.session.scalar(select(func.count()).select_from(Customer)) == 0


def test_signing_out_takes_a_token_like_every_other_form(app: Flask, acme: Vendor) -> None:
    page = Page(app).sign_in(factories.make_customer_user(acme))
    page.post("/Portal/@acme.example/SignOut", {"csrf_token": "x"}, status=400)

    page.get("/Portal/@acme.example/Licenses")


def test_every_public_form_survives_garbage(app: Flask, acme: Vendor) -> None:
    page = Page(app)
    wrong = []
    for rule in app.url_map.iter_rules():
        mark = access.mark_of(app.view_functions[rule.endpoint])
        if mark is None or mark.kind != "public" or "POST" not in (rule.methods or set()) or "int:" in rule.rule:
            continue
        path = rule.rule.replace("<domain:domain>", "acme.example")
        for data in (
            {},
            {"csrf_token": "x"},
            {"csrf_token": "é" * 100, "email": "\x00", "code": "١٢٣٤٥٦", "password": "p" * 10_000},
        ):
            status = _status(page, "POST", path, data=data)
            already_out = rule.rule.endswith("/SignOut") and status == 303
            if status not in range(400, 500) and not already_out:
                wrong.append((path, data, status))
    assert not wrong
    assert db.session.scalar(select(func.count()).select_from(User)) == 0
