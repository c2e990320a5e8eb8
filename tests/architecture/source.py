"""The source tree as the rules see it: files, their imports and calls, each read once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEVELS = (
    ("outbox", "audit"),
    ("vendors",),
    ("data_objects", "access_tokens"),
    ("customers",),
    ("account",),
    ("staff",),
    ("associate",),
    ("terms",),
    ("licenses",),
    ("billing",),
    ("fulfillment",),
    ("webhooks",),
    ("reconciliation",),
    ("search", "timeline", "figures", "lifecycle", "stripe_doctor"),
)
LEVEL_OF = {package: number for number, packages in enumerate(LEVELS, start=1) for package in packages}
EDGE_PACKAGES = ("home", "console", "webapi", "embed", "cli", "sandbox", "dev")
EDGE_FILES = ("gate", "jobs", "__init__", "tables")


@dataclass(frozen=True)
class Source:
    """One Python file below portal/. name: dotted, without `portal.`."""

    path: Path
    name: str
    tree: ast.Module
    text: str

    @property
    def package(self) -> str:
        return self.name.split(".")[0]

    @property
    def is_edge(self) -> bool:
        """Edges may call every service, and are the only ones to commit."""
        return (
            self.package in EDGE_PACKAGES
            or self.name in EDGE_FILES
            or self.path.name == "views.py"
            or self.path.name.endswith("_views.py")
        )

    def imports(self) -> set[str]:
        """Every `portal.…` module imported anywhere in the file, without the prefix; names count as modules too."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
        return found

    def portal_packages(self) -> set[str]:
        """The packages or kernel modules of ours that the file imports."""
        return {name.split(".")[1] for name in self.imports() if name.startswith("portal.")}


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the portal, migrations aside."""
    return tuple(_read())


def _read() -> Iterator[Source]:
    for path in sorted((ROOT / "portal").rglob("*.py")):
        if "migrations" in path.parts:
            continue
        dotted = ".".join(path.relative_to(ROOT / "portal").with_suffix("").parts)
        text = path.read_text("utf-8")
        yield Source(path, dotted.removesuffix(".__init__") or "__init__", ast.parse(text), text)


def calls(source: Source) -> Iterator[str]:
    """Dotted names of everything called in a file, such as `db.session.commit`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            name = dotted_name(node.func)
            if name:
                yield name


def dotted_name(node: ast.expr) -> str:
    """`a.b.c` of a chain of attributes, or an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted_name(node.value)
        return f"{left}.{node.attr}" if left else ""
    return ""


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
