"""The documents as the tests read them: text, code, links, table rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.architecture.source import ROOT

LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
TITLE = re.compile(r"^#+ +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without its code blocks."""
        return FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """Targets of links and pictures."""
        return [target for _picture, target in LINK.findall(self.prose)]

    @property
    def pictures(self) -> list[str]:
        """Targets of pictures."""
        return [target for picture, target in LINK.findall(self.prose) if picture]

    @property
    def spans(self) -> list[str]:
        """What stands between single backticks."""
        return SPAN.findall(self.prose)

    @property
    def shell_lines(self) -> list[str]:
        """Lines of code blocks without a language, without their remarks."""
        lines = [line for language, block in FENCE.findall(self.text) if not language for line in block.splitlines()]
        return [re.sub(r"\s+#.*", "", line).strip() for line in lines]

    @property
    def anchors(self) -> set[str]:
        """What `#…` may point at."""
        plain = [re.sub(r"[`*]", "", title).strip().lower() for title in TITLE.findall(self.prose)]
        return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title)) for title in plain}

    def rows(self, *heads: str) -> list[tuple[str, ...]]:
        """The rows of the table with these column heads, without backticks."""
        lines = [line.strip() for line in self.text.splitlines()]
        start = lines.index(f"| {' | '.join(heads)} |") + 2
        found = []
        for line in lines[start:]:
            if not line.startswith("|"):
                break
            found.append(tuple(cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")))
        return found


def get(name: str) -> Document:
    """A document by its path from the root."""
    return Document(ROOT / name)


def everything() -> list[Document]:
    """README, CHANGELOG, CONTRIBUTING and everything in docs/."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [Document(path) for path in sorted(paths)]
