"""One style sheet, one script, one icon: small, kept by browsers for a year, never stale."""

from __future__ import annotations

import gzip

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from portal import assets
from portal.extensions import db

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize(
    ("ending", "mimetype"), [("css", "text/css"), ("js", "text/javascript"), ("svg", "image/svg+xml")]
)
def test_each_file_is_served_packed_and_kept_for_a_year(app: Flask, ending: str, mimetype: str) -> None:
    url = app.extensions["assets"][ending].url
    answer = app.test_client().get(url, headers={"Accept-Encoding": "gzip, br"})

    assert answer.status_code == 200
    assert answer.mimetype == mimetype
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert gzip.decompress(answer.data) == app.test_client().get(url).data


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br"])
def test_a_browser_that_cannot_unpack_gets_the_plain_file(app: Flask, accepted: str) -> None:
    answer = app.test_client().get(app.extensions["assets"]["css"].url, headers={"Accept-Encoding": accepted})

    assert "Content-Encoding" not in answer.headers
    assert answer.data.startswith(b":root")


def test_the_address_of_another_release_answers_but_is_not_kept(client: FlaskClient) -> None:
    answer = client.get("/assets/app.0123456789ab.css")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("path", ["/assets/app.css", "/assets/app.x.css", "/assets/app.0123456789ab.map"])
def test_other_addresses_are_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_file_asks_nothing_of_session_or_database(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie("latchkey-session", "anything", domain="localhost")
    client.set_cookie("latchkey-remember", "anything:else", domain="localhost")
    statements: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    answer = client.get(app.extensions["assets"]["css"].url)

    assert answer.status_code == 200
    assert statements == []


def test_a_file_can_only_be_read(app: Flask) -> None:
    assert app.test_client().post(app.extensions["assets"]["css"].url).status_code in (404, 405)


def test_style_sheet_and_script_together_weigh_at_most_eight_kilobytes_packed() -> None:
    built = assets.build()

    assert len(built["css"].packed) + len(built["js"].packed) <= 8 * 1024


def test_the_address_changes_with_the_content(tmp_path: object) -> None:
    folder = tmp_path
    for name, text in (("css/a.css", "a { color: red; }"), ("js/a.js", "1;"), ("img/logo.svg", "<svg/>")):
        path = folder / name  # type: ignore[operator]
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    before = assets.build(folder)["css"]  # type: ignore[arg-type]
    (folder / "css" / "b.css").write_text("b { color: blue; }")  # type: ignore[operator]
    after = assets.build(folder)["css"]  # type: ignore[arg-type]

    assert before.url != after.url
    assert after.body == b"a { color: red; }\nb { color: blue; }\n"


def test_leaving_out_comments_keeps_every_rule() -> None:
    css = "/* one\n two */\na,\nb {\n  color: red; /* why */\n}\n"

    assert assets.without_comments(css) == "a,\nb {\ncolor: red;\n}\n"
