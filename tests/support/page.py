"""A browser without script for tests: follows forms as a person would, and checks every page it fetches."""

from __future__ import annotations

import contextvars
from datetime import timedelta
from typing import Any

from bs4 import BeautifulSoup, Tag
from flask import Flask
from werkzeug.test import TestResponse

from portal import clock, crypto
from portal.account.models import User, UserSession
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.support.markup import check_page


class Page:
    """One visitor: keeps cookies, posts forms with their hidden fields, asserts a status each time.

    Each request runs in a context of its own, so that nothing of the test's database session leaks into it.
    """

    def __init__(self, app: Flask, **environ: Any) -> None:
        self.app = app
        self.client = app.test_client()
        self.environ = {"base_url": "http://localhost", **environ}
        self.response: TestResponse
        self.soup: BeautifulSoup

    def get(self, path: str, *, status: int = 200, **options: Any) -> Page:
        """Fetch a path."""
        return self._send("GET", path, status=status, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, *, status: int = 303, **options: Any) -> Page:
        """Post data as it stands (no token is added); see `submit` for what a person does."""
        return self._send("POST", path, status=status, data=data or {}, **options)

    def submit(
        self,
        data: dict[str, Any] | None = None,
        *,
        form: str = "",
        status: int = 303,
        **options: Any,
    ) -> Page:
        """Send a form of the current page with its hidden and filled-in fields; `data` is what the person types.

        form: a CSS selector, such as `form[action$="/Release"]`; by default the first POST form of the main part.
        A value of None leaves the field out (an unticked box).
        """
        chosen = self.find_form(form)
        fields = {**_fields_of(chosen), **(data or {})}
        fields = {name: value for name, value in fields.items() if value is not None}
        action = str(chosen.get("action") or self.path)
        return self._send("POST", action, status=status, data=fields, **options)

    def find_form(self, selector: str = "") -> Tag:
        """A form of the current page."""
        found = self.soup.select_one(selector) if selector else self.soup.select_one("main form[method=post i]")
        assert found is not None, f"no form {selector!r} on {self.path}:\n{self.text}"
        return found

    def follow(self) -> Page:
        """Go where the last answer sends the browser."""
        assert self.location, f"{self.response.status} sends nowhere"
        return self.get(self.location)

    @property
    def text(self) -> str:
        """What a person reads on the page."""
        return " ".join(self.soup.get_text(" ").split())

    @property
    def html(self) -> str:
        return self.response.get_data(as_text=True)

    @property
    def path(self) -> str:
        return self.response.request.full_path.rstrip("?")

    @property
    def location(self) -> str:
        """Where a redirect leads, as a path where it stays on this site."""
        return self.response.headers.get("Location", "").removeprefix("http://localhost")

    def sign_in(self, user: User, vendor: Vendor | None = None) -> Page:
        """Give this browser a session of the user; for staff, name the vendor whose console it is."""
        token = crypto.new_token()
        row = UserSession(
            user_id=user.id,
            token_digest=crypto.digest(token),
            vendor_id=vendor.id if vendor else None,
            second_step="off",
            expires_at=clock.now() + timedelta(hours=12),
        )
        db.session.add(row)
        db.session.commit()
        self.client.set_cookie("latchkey-session", token, domain="localhost")
        return self

    def _send(self, method: str, path: str, *, status: int, **options: Any) -> Page:
        db.session.commit()
        path = path.removeprefix("http://localhost")
        call = lambda: self.client.open(path, method=method, **{**self.environ, **options})  # noqa: E731
        self.response = contextvars.Context().run(call)
        self.soup = BeautifulSoup(self.response.get_data(as_text=True), "html.parser")
        shown = self.text[:600] if self.response.mimetype == "text/html" else ""
        assert self.response.status_code == status, f"{method} {path}: {self.response.status} {shown}"
        if self.response.mimetype == "text/html" and self.response.status_code not in range(300, 400):
            check_page(self.html, self.soup)
        return self


def _fields_of(form: Tag) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for field in form.select("input[name], textarea[name], select[name]"):
        kind = str(field.get("type", "text")).lower()
        if kind in ("submit", "button", "image") or (kind in ("checkbox", "radio") and not field.has_attr("checked")):
            continue
        if field.name == "select":
            chosen = field.select_one("option[selected]") or field.select_one("option")
            fields[str(field["name"])] = chosen.get("value", "") if chosen else ""
        elif field.name == "textarea":
            fields[str(field["name"])] = field.get_text()
        else:
            fields[str(field["name"])] = field.get("value", "on" if kind == "checkbox" else "")
    return fields
