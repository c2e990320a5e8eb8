"""Templates: one heading, no inline script or style, words through gettext, a layout each."""

from __future__ import annotations

import re

import pytest

from tests.architecture.source import ROOT

pytestmark = pytest.mark.sqlite_only
TEMPLATES = ROOT / "templates"
PAGES = [
    path
    for path in sorted(TEMPLATES.rglob("*.html"))
    if path.relative_to(TEMPLATES).parts[0] not in ("layouts", "components", "mail")
    and not path.name.startswith("_")
    and path.relative_to(TEMPLATES).as_posix() != "dev/mail.html"
]
JINJA = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)
TAG = re.compile(r"<[^>]*>", re.DOTALL)
ATTRIBUTE = re.compile(r"[a-z-]+=\"[^\"]*\"")  # an attribute kept in a variable, to be put into a tag
ENTITY = re.compile(r"&[a-z]+;|&#\d+;")
WORD = re.compile(r"[A-Za-z]{3,}")


def _name(path: object) -> str:
    return str(path).removeprefix(str(TEMPLATES) + "/")


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_a_page_extends_a_layout_and_carries_no_script_or_style(path: object) -> None:
    text = path.read_text("utf-8")  # type: ignore[attr-defined]
    assert re.match(r'\s*({#.*?#}\s*)*{% extends "(layouts|console|account|dev|errors)/', text, re.DOTALL), (
        "extends no layout"
    )
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=", text)
    assert "|safe" not in text.replace(" ", ""), "marks text as safe"


@pytest.mark.parametrize("path", [path for path in PAGES if "dev" not in path.parts], ids=_name)
def test_every_word_a_person_reads_goes_through_gettext(path: object) -> None:
    text = path.read_text("utf-8")  # type: ignore[attr-defined]
    bare = ENTITY.sub(" ", ATTRIBUTE.sub(" ", TAG.sub(" ", JINJA.sub(" ", text))))
    assert not WORD.findall(bare)


def test_every_mail_has_its_three_parts() -> None:
    folders = [path for path in (TEMPLATES / "mail").iterdir() if path.is_dir()]
    wanted = {"subject.txt", "body.txt", "body.html"}
    assert folders
    assert not [folder.name for folder in folders if not wanted <= {part.name for part in folder.iterdir()}]
