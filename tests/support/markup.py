"""What every page must be: well-formed, one heading that starts the title, labelled fields, nothing inline."""

from __future__ import annotations

from bs4 import BeautifulSoup
from html5lib import HTMLParser


def check_page(html: str, soup: BeautifulSoup) -> None:
    """Assert what holds for every page."""
    parser = HTMLParser()
    parser.parse(html)
    assert not parser.errors, f"not well-formed: {parser.errors[:3]}"
    assert soup.html and soup.html.get("lang"), "the page names no language"
    headings = soup.select("h1")
    assert len(headings) == 1, f"{len(headings)} h1 headings"
    heading, title = (" ".join(tag.get_text(" ").split()) for tag in (headings[0], soup.title or soup.new_tag("title")))
    assert title.startswith(heading), f"title {title!r} does not start with heading {heading!r}"
    ids = [str(tag["id"]) for tag in soup.select("[id]")]
    assert len(ids) == len(set(ids)), f"ids twice: {sorted({i for i in ids if ids.count(i) > 1})}"
    assert not soup.select("style, [style]"), "inline style"
    assert not [tag for tag in soup.select("script") if not tag.get("src")], "inline script"
    assert not [tag for tag in soup.select("*") if any(name.startswith("on") for name in tag.attrs)], "inline handler"
    _check_fields(soup)


def _check_fields(soup: BeautifulSoup) -> None:
    labelled = {str(tag.get("for")) for tag in soup.select("label[for]")}
    for field in soup.select("input, select, textarea"):
        if str(field.get("type", "")).lower() in ("hidden", "submit", "button"):
            continue
        named = field.get("id") in labelled or field.get("aria-label") or field.get("aria-labelledby")
        assert named or field.find_parent("label"), f"a field without a label: {field}"
    for tag in soup.select("[aria-describedby]"):
        for name in str(tag["aria-describedby"]).split():
            assert soup.find(id=name), f"aria-describedby names {name!r}, which is not there"
    for form in soup.select("form[method=post i]"):
        target = str(form.get("action", ""))
        if not target.startswith("http"):
            assert form.select_one("input[name=csrf_token]"), f"a form without csrf_token: {form.get('action')}"
