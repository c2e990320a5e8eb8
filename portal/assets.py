"""The style sheet, the script and the icon: each one file, made from the sources at start and kept in memory.

A page asks for one style sheet and one script however many sources there are. The address carries the content's
fingerprint, so browsers keep a file for a year and still see every change at once.
"""

import gzip
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app, request

from portal import access

STATIC = Path(__file__).resolve().parent.parent / "static"
YEAR = "public, max-age=31536000, immutable"
BRIEFLY = "public, max-age=60"  # an address of another release, met while several run side by side

bp = Blueprint("assets", __name__)


@dataclass(frozen=True)
class Asset:
    """One file as it leaves the server; `url` holds its fingerprint."""

    url: str
    mimetype: str
    body: bytes
    packed: bytes


def init_app(app: Flask) -> None:
    """Build the files, serve them under `/assets/`, and tell templates their addresses.

    Templates call `asset_css_url()`, `asset_js_url()` and `asset_icon_url()`.
    """
    app.extensions["assets"] = build()
    app.register_blueprint(bp)
    app.jinja_env.globals.update(
        asset_css_url=lambda: app.extensions["assets"]["css"].url,
        asset_js_url=lambda: app.extensions["assets"]["js"].url,
        asset_icon_url=lambda: app.extensions["assets"]["svg"].url,
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


def _asset(ending: str, mimetype: str, text: str) -> Asset:
    body = text.encode()
    fingerprint = hashlib.sha256(body).hexdigest()[:12]
    return Asset(f"/assets/app.{fingerprint}.{ending}", mimetype, body, gzip.compress(body, 9, mtime=0))


@bp.get("/assets/app.<fingerprint>.<any(css, js, svg):ending>")
@access.public
def show(fingerprint: str, ending: str) -> Response:
    """One of the three files, packed where the browser takes it."""
    if not re.fullmatch(r"[0-9a-f]{12}", fingerprint):
        abort(404)
    asset: Asset = current_app.extensions["assets"][ending]
    packed = request.accept_encodings.best_match(["gzip", "identity"], default="identity") == "gzip"
    response = Response(asset.packed if packed else asset.body, mimetype=asset.mimetype)
    response.cache_control.clear()
    response.headers["Cache-Control"] = YEAR if request.path == asset.url else BRIEFLY
    response.headers["Vary"] = "Accept-Encoding"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    return response
