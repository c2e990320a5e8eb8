"""Cookies: `__Host-` names on https, HttpOnly, Lax, one place that sets them; and Flask's own session with SHA-256."""

from __future__ import annotations

import hashlib

from flask import Flask, Response, g, request
from flask.sessions import SecureCookieSessionInterface

from portal import crypto
from portal.config import Settings

SESSION = "session"
REMEMBER = "remember"
BROWSER = "browser"
CLAIM = "claim"


class SmallSession(SecureCookieSessionInterface):
    """Flask's signed cookie for what is small and not secret: flash messages and the anonymous form token."""

    digest_method = staticmethod(hashlib.sha256)
    salt = "latchkey.flask-session.v1"


def init_app(app: Flask) -> None:
    """Set names and flags, and send what the request asked to set."""
    settings: Settings = app.extensions["settings"]
    app.session_interface = SmallSession()
    app.config.update(
        SECRET_KEY=settings.secret_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        SESSION_COOKIE_NAME=full_name("page", settings),
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
    )

    @app.after_request
    def send(response: Response) -> Response:
        for name, (value, max_age) in g.pop("cookies", {}).items():
            response.set_cookie(
                full_name(name, settings),
                value,
                max_age=max_age,
                secure=settings.secure,
                httponly=True,
                samesite="Lax",
                path="/",
            )
        return response


def full_name(name: str, settings: Settings) -> str:
    """The cookie's name on the wire."""
    return f"__Host-latchkey-{name}" if settings.secure else f"latchkey-{name}"


def read(name: str) -> str:
    """The cookie the browser sent, or an empty text."""
    value = request.cookies.get(full_name(name, crypto.settings()), "")
    return value if len(value) <= 4096 and value.isascii() else ""


def put(name: str, value: str, max_age: int | None = None) -> None:
    """Set a cookie with this answer. max_age: seconds, or None until the browser closes."""
    g.setdefault("cookies", {})[name] = (value, max_age)


def drop(name: str) -> None:
    """Remove a cookie with this answer."""
    put(name, "", 0)
