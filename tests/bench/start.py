"""How long a start takes: the command line, the portal up to its first page, the demo. Fresh processes, in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.bench.report import Line, show
from tests.bench.sites import LATCHKEY
from tests.support import databases

TURNS = 5
HELLO = "from tests.bench.hello import app; app.test_client().get('/')"
FIRST_PAGE = """
import sys
from wsgi import app
from tests.bench.timing import call
call(app.wsgi_app, "/Portal/@acme.example/SignIn")
print([name for name in ("stripe", "requests", "smtplib") if name in sys.modules])
"""


def run(_rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, databases.fresh("sqlite", Path(name)) as url:
        production = {"LATCHKEY_ENV": "production", "LATCHKEY_BASE_URL": "https://localhost"}
        environment = {**os.environ, **databases.environment(url, Path(name)), **production}
        with databases.make_app(url, Path(name)).app_context():
            from tests import factories

            factories.make_vendor("acme.example")
        commands = {
            "hello": [sys.executable, "-c", HELLO],
            "help": [LATCHKEY, "--help"],
            "portal": [sys.executable, "-c", FIRST_PAGE],
        }
        times: dict[str, list[float]] = {key: [] for key in commands}
        for _ in range(TURNS):
            for key, command in commands.items():
                times[key].append(_timed(command, environment))
        heavy = subprocess.run(commands["portal"], env=environment, check=True, capture_output=True, text=True).stdout
    hello, help_, portal = (min(times[key]) for key in commands)
    lines = [
        Line("a bare Flask app, start and first answer", hello, "s"),
        Line("latchkey --help", help_, "s", most=1.0),
        Line("  against the bare Flask app", help_ / hello, "×", most=0.4),
        Line("the portal, start and first page", portal, "s"),
        Line("  against the bare Flask app", portal / hello, "×", most=3.5),
        Line("heavy modules loaded by then (stripe, requests, smtplib)", heavy.count("'") // 2, most=0),
        Line("latchkey demo, to the first page, seeding included", _demo(), "s", most=5),
    ]
    show("Start", f"fresh processes in turn, the best of {TURNS}", lines)


def _timed(command: list[str], environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _demo() -> float:
    """Seconds from the command to its first page, on an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [LATCHKEY, "demo", "--port", "0", "--data-dir", folder, "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            facts = json.loads(process.stdout.readline())
            with urllib.request.urlopen(facts["url"], timeout=10) as answer:
                answer.read()
            return time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(timeout=30)
