"""The pages that only demo and tests have: mail that would have been sent, terms, logo."""

from __future__ import annotations

import pytest

from portal import config, create_app, crypto
from portal.extensions import db
from portal.outbox import service as outbox
from portal.outbox.mail import transports
from portal.outbox.worker import Worker
from tests.support import databases

PAGES = ("/dev/mail", "/dev/terms", "/dev/logo.svg", "/dev/components")


@pytest.fixture
def empty_folder(app):
    folder = transports.folder_of(crypto.settings().mail_url)
    for path in folder.glob("*.eml"):
        path.unlink()
    return folder


def send(app, acme, name: str) -> None:
    outbox.queue_mail(
        "link_bound", "ada@customer.example", vendor_id=acme.id, customer_name=name, account_email="e@x.example"
    )
    db.session.commit()
    assert Worker(app).drain().processed == 1


def test_the_mail_page_says_what_to_do_while_there_is_none(page, empty_folder):
    page.get("/dev/mail")
    assert "No mail yet" in page.text


def test_mails_can_be_read_as_text_and_as_html(app, page, acme, empty_folder):
    send(app, acme, "<b>Ada</b>")
    page.get("/dev/mail")
    assert "ada@customer.example" in page.text
    page.get(page.soup.select_one("main table a")["href"])
    assert "e@x.example" in page.text
    assert not page.soup.select("pre b")

    with app.test_client() as client:
        shown = client.get(page.path + "/html", base_url="http://localhost")
    assert shown.status_code == 200
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert "script-src" not in shown.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["nothing", "..%2fkeys", "20260101T000000-" + "0" * 32])
def test_only_mails_of_the_folder_are_shown(page, empty_folder, name):
    page.get(f"/dev/mail/{name}", status=404)


def test_terms_and_logo_work_without_a_network(page):
    page.get("/dev/terms")
    assert "cancel on any day" in page.text
    page.get("/dev/logo.svg")
    assert page.response.mimetype == "image/svg+xml"


def test_production_has_none_of_it(database_url, tmp_path):
    environ = databases.environment(
        database_url, tmp_path, LATCHKEY_ENV="production", LATCHKEY_BASE_URL="https://x.example"
    )
    with create_app(config.from_environment(environ)).test_client() as client:
        assert {client.get(path, base_url="https://x.example").status_code for path in PAGES} == {404}
        assert client.get("/", base_url="https://x.example").headers["Location"] == "/SignIn"
