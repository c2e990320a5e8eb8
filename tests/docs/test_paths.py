"""Addresses, files and functions that the documents name exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from flask import Flask

from tests.architecture.source import ROOT
from tests.docs import documents
from tests.docs.documents import Document
from tests.support import databases

pytestmark = pytest.mark.sqlite_only

TOP = ("portal/", "tests/", "templates/", "static/", "docs/", "requirements/", ".ci/", "instance/")
OF_THE_SYSTEM = ("/etc/", "/var/", "/opt/", "/usr/", "/path/", "/64")
NOT_YET = ("/Plans",)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every address of the app with its variables emptied, the demo's own included."""
    folder = tmp_path_factory.mktemp("docs")
    app: Flask = databases.make_app(f"sqlite:///{folder / 'docs.sqlite3'}", folder, LATCHKEY_ENV="demo")
    return {emptied(rule.rule) for rule in app.url_map.iter_rules()}


def emptied(address: str) -> str:
    """An address with its variables and demo values emptied, without query and closing slash."""
    path = re.sub(r"<[^>]*>", "<>", address.partition("?")[0])
    path = re.sub(r"@[a-z.]+", "@<>", path)
    return re.sub(r"/\d+(?=/|$)", "/<>", path).rstrip("/") or "/"


@pytest.mark.parametrize("document", documents.everything(), ids=str)
def test_every_named_address_exists(document: Document, addresses: set[str]) -> None:
    # Below a vendor's portal, documents leave the beginning out.
    below = {address.removeprefix("/Portal/@<>") for address in addresses}
    for span in document.spans:
        if re.match(r"/[A-Za-z]?[\w/@<>:.?=&-]*$", span) and not span.startswith((*OF_THE_SYSTEM, *NOT_YET)):
            known = {*addresses, *below}
            parent = any(address.startswith(emptied(span) + "/") for address in known)
            assert emptied(span) in known or (span.endswith("/") and parent), span


@pytest.mark.parametrize("document", documents.everything(), ids=str)
def test_every_named_file_exists(document: Document) -> None:
    for span in document.spans:
        if span.startswith(TOP) and not re.search(r"[<>*…]", span):
            assert (ROOT / span).exists() or span.startswith("instance/"), span


def test_the_tree_in_the_readme_is_the_tree() -> None:
    text = documents.get("README.md").text
    tree = text[text.index("```\nportal/") : text.index("wsgi.py")]
    names = re.findall(r"(?:^|\s)([a-z_]+/)(?=\s)", tree)
    assert len(names) > 10
    for name in names:
        assert any((ROOT / above / name).is_dir() for above in ("", "portal", "templates", "tests")), name


def test_every_named_function_exists() -> None:
    modules = {
        "clock": "portal.clock",
        "unit_of_work": "portal.unit_of_work",
        "crypto": "portal.crypto",
        "outbox": "portal.outbox.service",
        "access": "portal.access",
        "running": "portal.cli.running",
    }
    for document in documents.everything():
        for module, name in re.findall(r"`@?([a-z_]+)\.([a-z_]+)\(?[^`]*`", document.prose):
            if module in modules and name != "py":
                assert hasattr(importlib.import_module(modules[module]), name), f"{document}: {module}.{name}"


def test_every_package_stands_in_the_architecture() -> None:
    text = documents.get("docs/architecture.md").text
    packages = [path.parent.name for path in Path(ROOT / "portal").glob("*/__init__.py")]
    missing = [name for name in packages if not re.search(rf"\b{name}\b", text)]
    assert not missing


AT_STRIPE = {"Save", "Create restricted key", "None", "login link"}


@pytest.mark.parametrize("name", ["README.md", "docs/vendor-guide.md", "docs/operator-guide.md"])
def test_every_quoted_button_and_sentence_is_on_a_page(name: str) -> None:
    files = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "portal").rglob("*.py")]
    pages = "\n".join(path.read_text("utf-8") for path in files)
    quoted = re.findall(r"(?<![*\w])\*([^*\n]+)\*(?![*\w])", documents.get(name).prose)
    assert quoted
    for words in quoted:
        assert words in AT_STRIPE or words.removesuffix(" …") in pages, words
