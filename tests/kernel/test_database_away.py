"""A database that does not answer is a 503 that says so, never a 500."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from portal import clock, write_lock
from portal.database import TRUSTED_FOR
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.support import databases
from tests.support.page import Page


@pytest.mark.sqlite_only
def test_a_writer_that_never_ends_makes_others_wait_and_then_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'held.sqlite3'}"
    databases.migrate(url, tmp_path)
    app: Flask = databases.make_app(url, tmp_path)
    with app.app_context():
        from tests import factories

        vendor: Vendor = factories.make_vendor("acme.example")
        user = factories.make_customer_user(vendor)
        page = Page(app)
        page.get("/Portal/@acme.example/SignIn")
        holder = sqlite3.connect(tmp_path / "held.sqlite3", isolation_level=None)
        email = user.email
        db.session.commit()
        monkeypatch.setattr(write_lock, "WAITS_AT_MOST", 0.05)
        holder.execute("BEGIN IMMEDIATE")
        try:
            page.submit({"email": email, "password": factories.PASSWORD}, status=503)
        finally:
            holder.execute("ROLLBACK")
            holder.close()

        assert page.response.headers["Retry-After"] == "5"
        assert "Nothing was changed" in page.text
        page.get("/Portal/@acme.example/SignIn").submit({"email": email, "password": factories.PASSWORD})


def test_connections_that_a_restart_ended_are_replaced_before_anybody_notices(
    app: Flask, page: Page, acme: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no server")
    domain = acme.domain
    db.session.commit()
    page.get(f"/Portal/@{domain}/SignIn")
    with db.engine.connect() as one, db.engine.connect() as another:
        pids = [one.scalar(text("SELECT pg_backend_pid()")), another.scalar(text("SELECT pg_backend_pid()"))]
    later = clock.monotonic() + TRUSTED_FOR
    with create_engine(db.engine.url).connect() as outside:
        ended = [outside.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}) for pid in pids]
    monkeypatch.setattr(clock, "monotonic", lambda: later)

    assert ended == [True, True]
    page.get(f"/Portal/@{domain}/SignIn")
    assert page.response.status_code == 200
    db.engine.dispose()
