"""The style sheet, the script and the icon: each one file, made from the sources at start and kept in memory.

A page asks for one style sheet and one script however many sources there are. The address carries the content's
fingerprint, so browsers keep a file for a year and still see every change at once.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Flask
from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STATIC = Path(__file__).resolve().parent.parent / "static"
ADDRESS = re.compile(r"/assets/app\.[0-9a-f]{12}\.(css|js|svg)\Z")
YEAR = "public, max-age=31536000, immutable"
BRIEFLY = "public, max-age=60"  # an address of another release, met while several run side by side


@dataclass(frozen=True)
class Asset:
    """One file as it leaves the server; `url` holds its fingerprint."""

    url: str
    mimetype: str
    body: bytes
    packed: bytes


class Files:
    """Answers for the three files in front of the app: no session is read, nothing is asked of the database."""

    def __init__(self, app: WSGIApplication, assets: dict[str, Asset]) -> None:
        self.app = app
        self.assets = assets

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """A file, or whatever the app answers."""
        path = environ["PATH_INFO"]
        found = ADDRESS.match(path) if path.startswith("/assets/") else None
        if found is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self.app(environ, start_response)
        return _answer(self.assets[found[1]], Request(environ))(environ, start_response)


def init_app(app: Flask) -> None:
    """Build the files, serve them under `/assets/`, and tell templates their addresses.

    Templates call `asset_css_url()`, `asset_js_url()`, `asset_icon_url()` and `asset_icon_data()`.
    """
    assets = app.extensions["assets"] = build()
    app.wsgi_app = Files(app.wsgi_app, assets)  # type: ignore[method-assign]
    app.jinja_env.globals.update(
        asset_css_url=lambda: assets["css"].url,
        asset_js_url=lambda: assets["js"].url,
        asset_icon_url=lambda: assets["svg"].url,
        asset_icon_data=lambda: data_url(assets["svg"]),
    )


def build(static: Path = STATIC) -> dict[str, Asset]:
    """The three files by ending. Style sheets are joined in the order of their names, scripts too."""
    css = "".join(without_comments(path.read_text("utf-8")) for path in sorted((static / "css").glob("*.css")))
    js = "".join(path.read_text("utf-8") for path in sorted((static / "js").glob("*.js")))
    icon = (static / "img" / "logo.svg").read_text("utf-8")
    return {
        "css": _asset("css", "text/css", css),
        "js": _asset("js", "text/javascript", js),
        "svg": _asset("svg", "image/svg+xml", icon),
    }


def without_comments(css: str) -> str:
    """A style sheet without comments, indentation and empty lines; nothing else is touched."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return "".join(line.strip() + "\n" for line in css.splitlines() if line.strip())


def data_url(asset: Asset) -> str:
    """A small file as an address that holds it, which saves every page a request."""
    return f"data:{asset.mimetype},{quote(asset.body, safe='/ =:,')}"


def _asset(ending: str, mimetype: str, text: str) -> Asset:
    body = text.encode()
    fingerprint = hashlib.sha256(body).hexdigest()[:12]
    return Asset(f"/assets/app.{fingerprint}.{ending}", mimetype, body, gzip.compress(body, 9, mtime=0))


def _answer(asset: Asset, request: Request) -> Response:
    packed = request.accept_encodings.best_match(["gzip", "identity"], default="identity") == "gzip"
    response = Response(asset.packed if packed else asset.body, mimetype=asset.mimetype)
    response.headers["Cache-Control"] = YEAR if request.path == asset.url else BRIEFLY
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    return response
