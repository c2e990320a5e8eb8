"""Cookies: `__Host-` names on https, HttpOnly, Lax, one place that sets them; and Flask's own session with SHA-256."""

from __future__ import annotations

import hashlib

from flask import Flask, Request, Response, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin

from portal import crypto
from portal.config import Settings
from portal.current import current_g, current_request

SESSION = "session"
REMEMBER = "remember"
BROWSER = "browser"
KNOWN = "known"
FORM = "form"
RESET = "reset"
CLAIM = "claim"
PAYMENT = "payment"


class SmallSession(SecureCookieSessionInterface):
    """Flask's signed cookie for what is small and not secret: flash messages."""

    digest_method = staticmethod(hashlib.sha256)
    salt = "latchkey.flask-session.v1"

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The page's session; an empty one in frames, where no cookie is read."""
        if "HTTP_COOKIE" not in request.environ or is_framed(request):
            return self.session_class()
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the session if it changed; never from a frame."""
        if session or session.modified:
            if not is_framed(request):
                super().save_session(app, session, response)
        elif session.accessed and not is_framed(request):
            response.headers.add("Vary", "Cookie")  # as Flask says it of every answer that looked into the session


def init_app(app: Flask) -> None:
    """Set names and flags, and send what the request asked to set."""
    settings: Settings = app.extensions["settings"]
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
        wanted = current_g().pop("cookies", None)
        if not wanted or is_framed(request):
            return response
        # Whatever the page allows: an answer that signs somebody in must not stay in a shared cache.
        response.headers["Cache-Control"] = "no-store"
        for name, (value, max_age) in wanted.items():
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


def is_framed(request: Request) -> bool:
    """Whether a page is made for frames in vendors' sites: it reads and sets no cookie at all."""
    parts = request.path.split("/")
    return len(parts) > 3 and parts[1] == "Portal" and parts[3] == "Embed"


def any_sent() -> bool:
    """Whether the browser sent any cookie of ours, which shows that it keeps them."""
    prefix = full_name("", crypto.settings())
    return any(name.startswith(prefix) for name in request.cookies)


def full_name(name: str, settings: Settings) -> str:
    """The cookie's name on the wire."""
    return f"__Host-latchkey-{name}" if settings.secure else f"latchkey-{name}"


def read(name: str) -> str:
    """The cookie the browser sent, or an empty text; always empty in frames."""
    asked = current_request()
    value = asked.cookies.get(full_name(name, crypto.settings()), "") if asked.cookies else ""
    if not value or len(value) > 4096 or not value.isascii() or is_framed(asked):
        return ""
    return value


def put(name: str, value: str, max_age: int | None = None) -> None:
    """Set a cookie with this answer. max_age: seconds, or None until the browser closes."""
    g.setdefault("cookies", {})[name] = (value, max_age)


def drop(name: str) -> None:
    """Remove a cookie with this answer."""
    put(name, "", 0)
