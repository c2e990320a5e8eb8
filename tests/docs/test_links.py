"""Links lead somewhere, pictures exist, are used and are small."""

from __future__ import annotations

import pytest

from tests.architecture.source import ROOT
from tests.docs import documents
from tests.docs.documents import Document
from tests.support import screenshots

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize("document", documents.everything(), ids=str)
def test_every_link_leads_to_a_file_and_a_heading(document: Document) -> None:
    for target in document.links:
        if "://" in target:
            continue
        path, _sign, anchor = target.partition("#")
        found = (document.path.parent / path).resolve() if path else document.path
        assert found.exists(), target
        if anchor:
            assert anchor in Document(found).anchors, target


def test_each_picture_is_shown_and_each_shown_picture_is_there() -> None:
    shown = {target for document in documents.everything() for target in document.pictures}
    there = {f"docs/pictures/{path.name}" for path in (ROOT / "docs" / "pictures").iterdir()}
    assert shown == there


def test_make_screenshots_takes_exactly_the_pictures_of_the_readme() -> None:
    taken = [f"docs/pictures/{picture.name}.png" for picture in screenshots.PICTURES]
    assert sorted(taken) == sorted(documents.get("README.md").pictures)
    assert {picture.theme for picture in screenshots.PICTURES} == {"light", "dark"}


def test_pictures_are_small() -> None:
    for path in (ROOT / "docs" / "pictures").iterdir():
        assert path.stat().st_size <= screenshots.MOST_BYTES, path.name


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached: set[object] = set()
    waiting = [documents.get("README.md")]
    while waiting:
        document = waiting.pop()
        if document.path in reached:
            continue
        reached.add(document.path)
        for target in document.links:
            path = (document.path.parent / target.partition("#")[0]).resolve()
            paths = path.glob("*.md") if path.is_dir() else [path]
            waiting += [Document(found) for found in paths if found.suffix == ".md" and found.exists()]
    assert reached == {document.path for document in documents.everything()}
