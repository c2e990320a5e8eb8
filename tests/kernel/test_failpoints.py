"""Failpoints: named in one table, where the table says, silent unless wished for, never in production."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal import config, failpoints
from tests.architecture.source import dotted_name, sources
from tests.docs import documents
from tests.support.databases import environment

pytestmark = pytest.mark.sqlite_only
NAME = "gateway.call.before"


@pytest.fixture(autouse=True)
def calm() -> Iterator[None]:
    """Nothing is armed before and after."""
    failpoints.disarm()
    yield
    failpoints.disarm()


def test_each_name_stands_in_the_code_exactly_once() -> None:
    reached = []
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and dotted_name(node.func) == "failpoints.reach":
                (name,) = node.args
                assert isinstance(name, ast.Constant), f"{source.name}: a name that cannot be read"
                reached.append(name.value)

    assert sorted(reached) == sorted(failpoints.POINTS)


def test_the_developer_guide_lists_them() -> None:
    rows = documents.get("docs/developer-guide.md").rows("failpoint", "where the process is")

    assert dict(rows) == failpoints.POINTS


def test_nothing_happens_unless_wished_for() -> None:
    failpoints.reach(NAME)
    with failpoints.armed("gateway.call.after=raise"):
        failpoints.reach(NAME)


def test_a_wish_comes_true_once_at_its_reach() -> None:
    with failpoints.armed(f"{NAME}=raise@3"):
        failpoints.reach(NAME)
        failpoints.reach(NAME)
        with pytest.raises(failpoints.Killed):
            failpoints.reach(NAME)
        failpoints.reach(NAME)
    failpoints.reach(NAME)


def test_counting_starts_when_armed() -> None:
    with failpoints.armed(f"{NAME}=raise@2"):
        failpoints.reach(NAME)
    with failpoints.armed(f"{NAME}=raise@2"):
        failpoints.reach(NAME)


def test_a_death_passes_through_what_handles_errors() -> None:
    assert not issubclass(failpoints.Killed, Exception)


@pytest.mark.parametrize("text", ["nowhere=kill", f"{NAME}=explode", NAME, f"{NAME}=kill@0", f"{NAME}=kill@x", "=kill"])
def test_a_wish_that_means_nothing_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(config.SettingsError, match="LATCHKEY_FAILPOINTS"):
        config.from_environment(environment("sqlite:///x", tmp_path, LATCHKEY_FAILPOINTS=text))


@pytest.mark.parametrize("env", [{"LATCHKEY_ENV": "production"}, {}])
def test_production_refuses_them(env: dict[str, str], tmp_path: Path) -> None:
    given = environment("sqlite:///x", tmp_path, LATCHKEY_FAILPOINTS=f"{NAME}=kill")
    del given["LATCHKEY_ENV"]

    with pytest.raises(config.SettingsError, match="refused in production"):
        config.from_environment(given | env)


def test_a_process_dies_of_kill_9(tmp_path: Path) -> None:
    program = f"from portal import create_app, failpoints; create_app(); failpoints.reach({NAME!r}); print('alive')"
    given = environment(f"sqlite:///{tmp_path}/x", tmp_path, LATCHKEY_FAILPOINTS=f"{NAME}=kill")

    ended = subprocess.run([sys.executable, "-c", program], env=os.environ | given, capture_output=True, timeout=60)

    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")
