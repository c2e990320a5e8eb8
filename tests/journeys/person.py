"""Somebody at a real browser: every page they reach is checked for accessibility in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import BrowserContext, Locator, Page, expect

from portal.extensions import db

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
RUN_AXE = "axe.run().then(found => found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target).join(' ; ')}`))"


class Person:
    """One browser window. script: whether pages may run scripts (accessibility checks run either way)."""

    def __init__(self, context: BrowserContext, *, script: bool) -> None:
        self.page: Page = context.new_page()
        self.script = script
        self.checked: set[str] = set()
        self._switch = context.new_cdp_session(self.page)
        self._scripts(script)
        self.page.on("console", self._hear)
        self.complaints: list[str] = []

    def open(self, address: str) -> Person:
        """Go to an address."""
        db.session.commit()  # the test's own reads would hold SQLite's write lock
        self.page.goto(address)
        return self._arrived()

    def click(self, name: str, *, role: str = "button", within: Locator | None = None) -> Person:
        """Press a button or link by the words on it, and look at where it leads."""
        db.session.commit()
        place = within or self.page
        place.get_by_role(role, name=re.compile(name, re.IGNORECASE)).first.click()  # type: ignore[arg-type]
        self.page.wait_for_load_state("load")
        return self._arrived()

    def fill(self, label: str, text: str) -> Person:
        """Type into the field with this label."""
        self.page.get_by_label(re.compile(label, re.IGNORECASE)).first.fill(text)
        return self

    def tick(self, label: str) -> Person:
        """Tick the box with this label."""
        self.page.get_by_label(re.compile(label, re.IGNORECASE)).first.check()
        return self

    def sees(self, text: str) -> Person:
        """The page says this."""
        expect(self.page.locator("body")).to_contain_text(re.compile(text, re.IGNORECASE))
        return self

    def does_not_see(self, text: str) -> Person:
        """The page does not say this."""
        expect(self.page.locator("body")).not_to_contain_text(re.compile(text, re.IGNORECASE))
        return self

    @property
    def path(self) -> str:
        return re.sub(r"^https?://[^/]+", "", self.page.url)

    def _arrived(self) -> Person:
        width = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, f"{self.page.url} is {width} px wider than the window"
        assert not self.complaints, self.complaints
        heading = self.page.locator("h1").first.inner_text()
        if (name := f"{self.path.split('?')[0]} {heading}") not in self.checked:
            self.checked.add(name)
            self._check_accessibility()
        return self

    def _check_accessibility(self) -> None:
        self._scripts(True)
        self.page.evaluate(AXE + ";0")
        for theme in ("light", "dark"):
            self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            found = self.page.evaluate(RUN_AXE)
            assert not found, f"{self.page.url} ({theme}): {found}"
        self.page.emulate_media(color_scheme="light")
        self._scripts(self.script)

    def _scripts(self, on: bool) -> None:
        self._switch.send("Emulation.setScriptExecutionDisabled", {"value": not on})

    def _hear(self, message: object) -> None:
        if getattr(message, "type", "") == "error" and "Content Security Policy" in getattr(message, "text", ""):
            self.complaints.append(message.text)  # type: ignore[attr-defined]
