"""How the documents are written, and what no file of the project may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.docs import documents
from tests.docs.documents import FENCE, Document

pytestmark = pytest.mark.sqlite_only

WIDTH = 160
BRITISH = re.compile(r"\b(licence\w*|cancell(?:ed|ing)|colour\w*|behaviour\w*|organis\w+|fulfilment)\b", re.I)
BOASTING = re.compile(
    r"\b(blazing\w*|seamless\w*|powerful|effortless\w*|cutting-edge|world-class|robust|revolution\w*)\b", re.I
)
FOREIGN = re.compile(
    r"(?<![\w.])/(?:root|home/\w+|Users/\w+)/"
    r"|https?://[^\s\"'/]*(?:pypi|pythonhosted|artifactory|nexus|npmjs)[^\s\"']*"
    r"|--(?:extra-)?index-url"
)
LEFT_OUT = {".git", ".venv", "instance", "build", "__pycache__", "node_modules"}
TEXT = {".py", ".md", ".html", ".txt", ".css", ".js", ".svg", ".toml", ".in", ".ini", ".mako", ".yml", ".yaml", ""}


def tracked() -> Iterator[Path]:
    """Every text file of the project."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if any(part in LEFT_OUT or part.endswith(("cache", ".egg-info")) for part in parts):
            continue
        if path.is_file() and path.suffix in TEXT and path != Path(__file__) and parts[0] != ".hypothesis":
            yield path


@pytest.mark.parametrize("document", documents.everything(), ids=str)
def test_lines_are_short_and_words_are_plain(document: Document) -> None:
    for number, line in enumerate(FENCE.sub("", document.text).splitlines(), start=1):
        assert line.startswith("|") or len(line) <= WIDTH, f"line {number} has {len(line)} characters"
        found = BRITISH.search(line) or BOASTING.search(line)
        assert not found, f"line {number}: {found[0] if found else ''}"


@pytest.mark.parametrize("document", documents.everything(), ids=str)
def test_a_document_begins_with_its_title_and_has_no_open_ends(document: Document) -> None:
    assert document.text.startswith("# ")
    assert not re.search(r"\b(TODO|FIXME|TBD|XXX)\b", document.text)
    assert document.text.count("```") % 2 == 0


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = []
    for path in tracked():
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
            if FOREIGN.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found
