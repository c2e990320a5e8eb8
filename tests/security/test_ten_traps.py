"""The ten measured traps of this field, each with the test that would fail if we fell into it.

Where a trap needs a suite of its own, the test here is its shortest form and names the suite.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal import addresses, cookies, crypto, signed_links
from portal.extensions import db
from portal.vendors.models import Vendor
from portal.webhooks.signature import is_genuine
from tests import factories
from tests.support.page import Page


def test_trap_1_after_sign_out_the_old_cookie_signs_nobody_in(app: Flask, acme: Vendor) -> None:
    user = factories.make_customer_user(acme)
    page = Page(app).sign_in(user)
    page.get("/Portal/@acme.example/Licenses")
    cookie = page.client.get_cookie("latchkey-session", domain="localhost")
    assert cookie is not None
    page.submit(form='form[action$="/SignOut"]')
    page.client.set_cookie("latchkey-session", cookie.value, domain="localhost")

    page.get("/Portal/@acme.example/Licenses", status=303)
    assert "/SignIn" in page.location


def test_trap_2_nothing_is_signed_with_sha_1(app: Flask) -> None:
    serializer = signed_links._serializer("any", ("k" * 32,))

    assert serializer.signer_kwargs["digest_method"] is hashlib.sha256
    assert cookies.SmallSession.digest_method is hashlib.sha256
    for path in Path("portal").rglob("*.py"):
        assert "sha1(" not in path.read_text("utf-8").lower(), path


@pytest.mark.parametrize("ending", ["=", "==", "é", "A"])
def test_trap_3_a_token_has_one_spelling(app: Flask, ending: str) -> None:
    token = signed_links.sign("any", {"jti": "1"})

    assert signed_links.read("any", token) == {"jti": "1"}
    assert signed_links.read("any", token + ending) is None


def test_trap_4_two_accounts_cannot_take_the_same_seat(app: Flask, acme: Vendor) -> None:
    """The race itself: tests/associate/test_race.py (two processes, 200 rounds)."""
    from sqlalchemy.exc import IntegrityError

    customer = factories.make_customer(acme)
    factories.make_association(factories.make_user(), customer)

    with pytest.raises(IntegrityError):
        factories.make_association(factories.make_user(), customer)
    db.session.rollback()


def test_trap_5_a_tab_in_next_leads_nowhere_else(app: Flask, acme: Vendor) -> None:
    assert addresses.safe_next("/\t/evil.example") is None
    page = Page(app)
    page.get("/Portal/@acme.example/SignIn?next=/%09/evil.example")
    assert "evil.example" not in page.html


def test_trap_6_a_webhook_from_the_future_or_in_odd_letters_is_refused_without_raising() -> None:
    """More: tests/webhooks/test_signature.py."""
    assert not is_genuine(b"{}", "t=" + "9" * 30 + ",v1=a", ["whsec_a"], 1)
    assert not is_genuine(b"[" * 10_000, "t=1,v1=é", ["whsec_a"], 1)


def test_trap_7_form_action_lets_a_post_go_on_to_stripe(page: Page, acme: Vendor) -> None:
    """Seen in a browser: tests/journeys (manage billing)."""
    page.get("/Portal/@acme.example/SignIn")
    policy = page.response.headers["Content-Security-Policy"]
    targets = next(part for part in policy.split("; ") if part.startswith("form-action")).split()

    assert {"'self'", "https://billing.stripe.com", "https://checkout.stripe.com"} <= set(targets)


def test_trap_8_the_frame_needs_no_cookie_and_sets_none(app: Flask) -> None:
    factories.make_vendor("framed.example", "Framed", embed_origins=["https://www.framed.example"])
    page = Page(app)
    page.get("/Portal/@framed.example/Embed/Associate")

    assert not page.response.headers.getlist("Set-Cookie")
    assert "frame-ancestors https://www.framed.example" in page.response.headers["Content-Security-Policy"]


@pytest.mark.sqlite_only
def test_trap_9_a_commit_reaches_the_disk_before_anybody_is_told(app: Flask) -> None:
    """Workers killed in the middle: tests/outbox."""
    with db.engine.connect() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_trap_10_the_journeys_run_in_an_engine_that_enforces_the_policy() -> None:
    """Only a real engine shows what a policy breaks; the flags we start it with must not switch that off."""
    from tests.support.browser import FLAGS

    assert not [flag for flag in FLAGS if "web-security" in flag or "csp" in flag.lower()]


def test_random_values_come_from_the_system(app: Flask) -> None:
    assert len({crypto.new_token() for _ in range(1000)}) == 1000
    assert len(crypto.new_token()) == 43
    made_up = {Path("portal/cli/bulk_rows.py"), *Path("portal/sandbox").rglob("*.py")}
    predictable = {path for path in Path("portal").rglob("*.py") if "import random" in path.read_text("utf-8")}
    assert predictable <= made_up, "predictable numbers are for seeded rows and the sandbox only"


def test_no_page_is_kept_in_a_cache(page: Page, acme: Vendor) -> None:
    for path in ("/SignIn", "/SignIn?step=second_step", "/Portal/@acme.example/SignIn"):
        page.get(path)
        assert page.response.headers["Cache-Control"] == "no-store", path


def test_errors_of_the_database_tell_no_parameters(app: Flask) -> None:
    with pytest.raises(DBAPIError) as refused:
        db.session.execute(text("SELECT :digest FROM no_such_table"), {"digest": "whisper"})

    assert "whisper" not in str(refused.value)
    db.session.rollback()
