"""What is counted, not timed: statements, bytes, requests. The same limits stand in the tests."""

from __future__ import annotations

from bs4 import BeautifulSoup

from tests.bench.report import Line, show
from tests.bench.sites import LICENSES, SIGN_IN, Site
from tests.bench.timing import call
from tests.support.queries import counted


def run(sites: dict[str, Site]) -> None:
    """Count and print."""
    site = sites["sqlite"]
    app, cookie = site.make_app(), site.cookies["ten"]
    pages = {"license page": (LICENSES, cookie), "license detail": (site.detail, cookie), "sign-in form": (SIGN_IN, "")}
    most_queries = {"license page": 3, "license detail": 4, "sign-in form": 1}
    html, lines = {}, []
    for name, (path, sent) in pages.items():
        call(app.wsgi_app, path, sent)
        with counted(app) as statements:
            html[name] = call(app.wsgi_app, path, sent)
        lines.append(Line(f"queries, {name}", len(statements), most=most_queries[name]))
    lines += [
        Line("HTML, license page with 10 licenses", len(html["license page"]), "B", most=12_000),
        Line("HTML, sign-in form", len(html["sign-in form"]), "B"),
        Line("style sheet and script, gzip", _asset_bytes(app.extensions["assets"]), "B", most=20_000),
        Line("requests, license page", 1 + len(files_of(html["license page"])), most=4),
    ]
    show("Counted", "10 licenses, 3 of them with a subscription", lines)


def files_of(html: bytes) -> set[str]:
    """The addresses a browser fetches for a page."""
    page = BeautifulSoup(html, "html.parser")
    sources = {tag["src"] for tag in page.select("script[src], img[src], iframe[src]")}
    sources |= {tag["href"] for tag in page.select("link[rel=stylesheet], link[rel=icon]")}
    return {source for source in sources if not source.startswith("data:")}


def _asset_bytes(assets: dict[str, object]) -> int:
    return sum(len(assets[name].packed) for name in ("css", "js"))  # type: ignore[attr-defined]
