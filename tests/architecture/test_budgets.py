"""How large things may get (docs/architecture.md, “Budgets”): met by a better cut, not by a denser line."""

from __future__ import annotations

import ast
import subprocess

import pytest

from tests.architecture.source import ROOT, functions, sources

pytestmark = pytest.mark.sqlite_only
FILE, FUNCTION, VIEW, TEMPLATE, TEST_FILE, CONFTEST = 250, 40, 25, 80, 400, 150


def _lines(path: object) -> int:
    return len((ROOT / str(path)).read_text("utf-8").splitlines())


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def test_no_source_file_is_longer_than_250_lines() -> None:
    assert not [
        (source.name, len(source.text.splitlines())) for source in sources() if len(source.text.splitlines()) > FILE
    ]


def test_no_function_is_longer_than_40_lines_and_no_view_longer_than_25() -> None:
    long = []
    for source in sources():
        for function in functions(source):
            length = _length(function)
            limit = VIEW if _is_view(function) else FUNCTION
            if length > limit:
                long.append((source.name, function.name, length, limit))
    assert not long


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring aside."""
    body = function.body
    docstring = 0
    if (
        isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
        and isinstance(body[0].value.value, str)
    ):
        docstring = (body[0].end_lineno or 0) - body[0].lineno + 1
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def _is_view(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(decorator).startswith("bp.") for decorator in function.decorator_list)


def test_no_template_is_longer_than_80_lines() -> None:
    assert not [
        (name, _lines(name)) for name in _tracked("templates/*.html", "templates/*.txt") if _lines(name) > TEMPLATE
    ]


def test_no_test_file_is_longer_than_400_lines() -> None:
    assert not [(name, _lines(name)) for name in _tracked("tests/*.py") if _lines(name) > TEST_FILE]
    assert not [(name, _lines(name)) for name in _tracked("tests/*conftest.py") if _lines(name) > CONFTEST]


def test_everything_public_has_a_docstring() -> None:
    missing = []
    for source in sources():
        if not ast.get_docstring(source.tree) and source.text.strip():
            missing.append(source.name)
        for node in source.tree.body:
            if (
                isinstance(node, ast.FunctionDef | ast.ClassDef)
                and not node.name.startswith("_")
                and not ast.get_docstring(node)
            ):
                missing.append(f"{source.name}.{node.name}")
    assert not missing


def test_nothing_is_postponed_or_silenced() -> None:
    words = ("TODO", "FIXME", "XXX ", "except Exception:", "except:", "# type: ignore\n")
    assert not [(source.name, word) for source in sources() for word in words if word in source.text]
