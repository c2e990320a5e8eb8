"""A database that does not answer is a 503 that says so, never a 500."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask

from portal.vendors.models import Vendor
from tests.support import databases
from tests.support.page import Page

pytestmark = pytest.mark.sqlite_only


def test_a_writer_that_never_ends_makes_others_wait_and_then_try_again(tmp_path: Path) -> None:
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
        _wait_less(app)
        holder.execute("BEGIN IMMEDIATE")
        try:
            page.submit({"email": email, "password": factories.PASSWORD}, status=503)
        finally:
            holder.execute("ROLLBACK")
            holder.close()

        assert page.response.headers["Retry-After"] == "5"
        assert "Nothing was changed" in page.text
        page.get("/Portal/@acme.example/SignIn").submit({"email": email, "password": factories.PASSWORD})


def _wait_less(app: Flask) -> None:
    """Let this app's connections wait for 50 ms instead of 10 s."""
    from sqlalchemy import event

    from portal.extensions import db

    db.session.commit()
    db.engine.dispose()

    @event.listens_for(db.engine, "checkout")
    def on_checkout(connection: sqlite3.Connection, record: object, proxy: object) -> None:
        connection.execute("PRAGMA busy_timeout=50")
