"""Commands in processes of their own, for those that serve, fork or must start quickly."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import databases

ROOT = Path(databases.__file__).resolve().parents[2]
LATCHKEY = [sys.executable, "-c", "from portal.cli import main; main()"]


def await_that(happened: Callable[[], bool]) -> None:
    """Look again and again, for at most ten seconds."""
    until = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < until, "it did not happen within ten seconds"


class Told:
    """What a command printed, and how it ended."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status = done.returncode
        self.text = done.stdout
        self.error = done.stderr

    @property
    def facts(self) -> dict[str, Any]:
        """The JSON object it printed."""
        return dict(json.loads(self.text))


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Callable[..., Told]:
    """Run a command on the test database; keywords are settings that differ."""

    def told(*arguments: str, **settings: str) -> Told:
        environ = {**os.environ, **databases.environment(database_url, tmp_path, **settings)}
        done = subprocess.run(
            [*LATCHKEY, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120
        )
        return Told(done)

    return told


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start something that runs until it is told to stop; it is stopped in any case."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*LATCHKEY, *arguments],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
