"""Path rules: plain whole numbers, vendor domains, and the right upper and lower case."""

from __future__ import annotations

from flask import Flask, Response, redirect, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import IntegerConverter, UnicodeConverter
from werkzeug.routing.exceptions import RequestRedirect
from werkzeug.wrappers import Response as WerkzeugResponse


class PlainNumber(IntegerConverter):
    """A positive whole number below 2³¹ in ASCII digits, without leading zeros."""

    regex = r"[1-9][0-9]{0,9}"

    def to_python(self, value: str) -> int:
        """The number; too large ones match no page."""
        number = int(value)
        if number >= 2**31:
            raise NotFound
        return number


class Domain(UnicodeConverter):
    """A vendor's domain; anything that cannot be one matches no page."""

    regex = r"[A-Za-z0-9.-]{1,253}"


def init_app(app: Flask) -> None:
    """Teach the app's addresses these rules; call before blueprints are registered."""
    app.url_map.converters["int"] = PlainNumber
    app.url_map.converters["domain"] = Domain
    app.register_error_handler(NotFound, lambda error: right_case(app, error))


def right_case(app: Flask, error: NotFound) -> Response | WerkzeugResponse:
    """Send a GET in the wrong case to the right page (308); show the error otherwise."""
    from portal.error_pages import show_http_error

    if request.method in ("GET", "HEAD") and request.endpoint is None:
        path = _canonical(app, request.path)
        if path != request.path and _exists(app, path):
            query = request.query_string.decode("ascii", errors="replace")
            return redirect(f"{path}?{query}" if query else path, code=308)
    return show_http_error(error)


def _canonical(app: Flask, path: str) -> str:
    words = app.extensions.setdefault("path_words", {}) or _words(app)
    return "/".join(words.get(part.lower(), part.lower() if part.startswith("@") else part) for part in path.split("/"))


def _words(app: Flask) -> dict[str, str]:
    words = {
        part.lower(): part
        for rule in app.url_map.iter_rules()
        for part in rule.rule.split("/")
        if part and "<" not in part
    }
    app.extensions["path_words"].update(words)
    return words


def _exists(app: Flask, path: str) -> bool:
    try:
        app.url_map.bind("").match(path, method="GET")
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True
