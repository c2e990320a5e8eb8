"""Somebody with a browser and no script: opens pages, follows links, sends forms, and checks every page on the way."""

from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from bs4 import BeautifulSoup
from html5lib import HTMLParser


class Visitor:
    """Holds the page it is on. `left_for` is set when a form or link led away from the sandbox."""

    def __init__(self, origin: str, language: str = "en") -> None:
        self.origin = origin
        self.session = requests.Session()
        self.session.headers["Accept-Language"] = language
        self.url = origin
        self.soup = BeautifulSoup("", "html.parser")
        self.status = 0
        self.left_for: str | None = None

    @property
    def text(self) -> str:
        """All text of the page."""
        return " ".join(self.soup.get_text(" ").split())

    def open(self, url: str, method: str = "GET", **options: Any) -> "Visitor":
        """Fetch a page, following redirects inside the sandbox, and check it."""
        self.left_for = None
        url = urljoin(self.url, url)
        for _ in range(5):
            policy = self._form_action() if method == "POST" else None
            response = self.session.request(method, url, allow_redirects=False, timeout=10, **options)
            if response.status_code not in (302, 303, 307, 308):
                break
            assert response.status_code == 303
            url = urljoin(url, response.headers["Location"])
            if not url.startswith(self.origin):
                assert policy is None or _origin(url) in policy, f"the form may not lead to {url}"
                self.left_for = url
                return self
            method, options = "GET", {}
        self.url, self.status = url, response.status_code
        self.soup = BeautifulSoup(response.text, "html.parser")
        self.policy = response.headers["Content-Security-Policy"]
        self._check(response)
        return self

    def click(self, text: str) -> "Visitor":
        """Follow the link with this text; a link that leads away is only noted."""
        link = next(link for link in self.soup.select("a[href]") if text in " ".join(link.get_text().split()))
        target = urljoin(self.url, str(link["href"]))
        if not target.startswith(self.origin):
            self.left_for = target
            return self
        return self.open(target)

    def send(self, button: str, **fields: str) -> "Visitor":
        """Press the button with this text; fields that are not given keep what the page has in them."""
        found = next(tag for tag in self.soup.select("form button") if button in tag.get_text())
        form = found.find_parent("form")
        values = {
            str(field["name"]): str(field.get("value", ""))
            for field in form.select("input[name]")
            if field.get("type") != "radio" or field.has_attr("checked")
        }
        values |= {str(area["name"]): area.get_text() for area in form.select("textarea[name]")}
        for select in form.select("select[name]"):
            chosen = select.select_one("option[selected]") or select.select_one("option")
            values[str(select["name"])] = str(chosen.get("value", chosen.get_text())) if chosen else ""
        if found.get("name"):
            values[str(found["name"])] = str(found.get("value", ""))
        target = urljoin(self.url, str(form.get("action") or self.url))
        if str(form.get("method", "get")).lower() == "get":
            return self.open(target, params=values | fields)
        return self.open(target, "POST", data=values | fields)

    def has_link(self, text: str) -> bool:
        """Whether the page has a link with this text."""
        return any(text in link.get_text() for link in self.soup.select("a[href]"))

    def _form_action(self) -> str | None:
        policy = getattr(self, "policy", "")
        return next((part for part in policy.split("; ") if part.startswith("form-action")), None)

    def _check(self, response: requests.Response) -> None:
        parser = HTMLParser()
        parser.parse(response.text)
        assert not parser.errors, parser.errors[:3]
        headings = self.soup.select("h1")
        assert len(headings) == 1
        assert self.soup.title and self.soup.title.get_text().startswith(" ".join(headings[0].get_text().split()))
        assert not self.soup.select("script, style, [style]")
        ids = [tag["id"] for tag in self.soup.select("[id]")]
        assert len(ids) == len(set(ids))
        labelled = {tag["for"] for tag in self.soup.select("label[for]")}
        for field in self.soup.select("input:not([type=hidden]), select, textarea"):
            assert field.get("id") in labelled or field.find_parent("label"), field
        assert "no real money moves" in self.text
        assert "default-src 'none'" in self.policy and "frame-ancestors 'none'" in self.policy
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in response.headers


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
