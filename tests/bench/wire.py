"""Through a real server: one worker on the first core, the load on the second, servers asked in turn."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.bench import load
from tests.bench.in_process import django_environment
from tests.bench.report import Line, show
from tests.bench.sites import LICENSES, Site

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS, TURNS, SECONDS = 8, 3, 3.0
GUNICORN = "gunicorn --worker-class gthread --threads 4 --workers {workers} --keep-alive 60 --log-level error --bind"
GRANIAN = (
    "granian --interface wsgi --workers {workers} --blocking-threads 1 --no-ws --log-level error "
    "--host 127.0.0.1 --port"
)
NOTE = (
    f"gunicorn gthread, 1 worker with 4 threads, pinned to one core; load and PostgreSQL on the other;\n"
    f"  {CONNECTIONS} kept connections, {TURNS} turns of {SECONDS:.0f} s, medians."
)


@dataclass
class Server:
    """A server to start: one worker on the first core, or several on all. turns: what each turn of load saw."""

    name: str
    app: str
    path: str
    cookie: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    uses: str = GUNICORN
    workers: int = 1
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    turns: list[load.Measured] = field(default_factory=list)

    def requests(self) -> Iterator[bytes]:
        """What it is asked."""
        return load.get(self.port, self.path, self.cookie)

    def take_turn(self, seconds: float = SECONDS) -> None:
        """Load it for a while."""
        self.turns.append(load.run(self.port, self.requests(), connections=CONNECTIONS, seconds=seconds))

    @property
    def per_second(self) -> float:
        return statistics.median(turn.per_second for turn in self.turns)

    def percentile(self, share: float) -> float:
        """Median over the turns, in milliseconds."""
        return statistics.median(turn.percentile(share) for turn in self.turns)


def run(sites: dict[str, Site]) -> None:
    """Start all, ask in turn, print."""
    with ExitStack() as stack, pinned_to_load():
        servers = [stack.enter_context(running(server)) for server in _servers(sites)]
        for _ in range(TURNS):
            for server in servers:
                server.turns.append(load.run(server.port, server.requests(), connections=CONNECTIONS, seconds=SECONDS))
        memory = {server.name: _memory(server) for server in servers}
    show("On the wire", NOTE, [*_lines(servers), *_memory_lines(memory)])
    _warn(servers)


def _servers(sites: dict[str, Site]) -> list[Server]:
    lite, pg = sites["sqlite"], sites["postgresql"]
    page = {"app": "wsgi:app", "path": LICENSES}
    django = {
        "app": "tests.bench.django_site:application",
        "path": "/licenses",
        "environment": django_environment(lite),
    }
    hello = {"app": "tests.bench.hello:app", "path": "/"}
    return [
        Server("Flask hello", **hello),  # type: ignore[arg-type]
        Server("license page, SQLite", cookie=lite.cookies["ten"], environment=lite.environment, **page),
        Server("license page, PostgreSQL", cookie=pg.cookies["ten"], environment=pg.environment, **page),
        Server("Django, the same list", cookie="sessionid=" + "b" * 32, **django),  # type: ignore[arg-type]
        Server("granian: Flask hello", uses=GRANIAN, **hello),  # type: ignore[arg-type]
        Server("granian: license page, SQLite", "wsgi:app", LICENSES, lite.cookies["ten"], lite.environment, GRANIAN),
    ]


def _lines(servers: list[Server]) -> Iterator[Line]:
    speed = {server.name: server.per_second for server in servers}
    for server in servers:
        yield Line(server.name, server.per_second, "/s")
        yield Line("  p50", server.percentile(0.5), "ms")
        yield Line("  p99", server.percentile(0.99), "ms")
    hello, page = speed["Flask hello"], speed["license page, SQLite"]
    yield Line("license page ÷ Flask hello, SQLite", page / hello, "×", least=0.27)
    yield Line("license page ÷ Flask hello, PostgreSQL", speed["license page, PostgreSQL"] / hello, "×")
    yield Line("license page ÷ Django's same list", page / speed["Django, the same list"], "×", least=4)


def _memory_lines(memory: dict[str, float]) -> Iterator[Line]:
    ours, hello = memory["license page, PostgreSQL"], memory["Flask hello"]
    yield Line("memory of a worker (PSS), Flask hello", hello, "MB")
    yield Line("memory of a worker (PSS), portal on PostgreSQL", ours, "MB")
    yield Line("  against hello", ours / hello, "×", most=2.1)


def _warn(servers: list[Server]) -> None:
    for server in servers:
        errors = sum(turn.errors for turn in server.turns)
        busy = statistics.median(turn.busy for turn in server.turns)
        if errors:
            print(f"  {server.name}: {errors} answers were not 200")
        if busy > 0.8:
            print(f"  {server.name}: the load itself was busy {busy:.0%} of the time; the server can do more")


@contextmanager
def pinned_to_load() -> Iterator[None]:
    """This process and whatever it starts stay on the core of the load."""
    before = os.sched_getaffinity(0)
    _pin(LOAD_CORE)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def postgresql_everywhere() -> Iterator[None]:
    """Let PostgreSQL use all cores meanwhile, for what several processes work at; else it stays beside the load."""
    with create_engine(os.environ["TEST_POSTGRESQL_URL"]).connect() as connection:
        mine = connection.scalar(text("SELECT pg_backend_pid()"))
    postmaster = int(Path(f"/proc/{mine}/stat").read_text().rpartition(")")[2].split()[1])
    _move(postmaster, *range(os.cpu_count() or 1))
    try:
        yield
    finally:
        _move(postmaster, LOAD_CORE)


def _move(postmaster: int, *cores: int) -> None:
    for pid in [postmaster, *map(int, _children(postmaster))]:
        with suppress(OSError):
            os.sched_setaffinity(pid, cores)


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _pin(*cores: int) -> None:
    with suppress(OSError):
        os.sched_setaffinity(0, cores)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start a server, wait until it answers 200, and stop it afterwards."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        server.port = door.getsockname()[1]
    program, *words = server.uses.format(workers=server.workers).split()
    at = str(server.port) if server.uses is GRANIAN else f"127.0.0.1:{server.port}"
    server.process = subprocess.Popen(
        [str(Path(sys.executable).parent / program), *words, at, server.app],
        env={**os.environ, **server.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: _pin(SERVER_CORE) if server.workers == 1 else _pin(*range(os.cpu_count() or 1)),
    )
    try:
        _wait_for(server)
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=20)


def _wait_for(server: Server) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(OSError):
            found = load.run(server.port, server.requests(), connections=1, seconds=0.3)
            if found.requests and not found.errors:
                return
        time.sleep(0.1)
    raise SystemExit(f"{server.name} does not answer 200.")


def _memory(server: Server) -> float:
    """Proportional memory of the server's worker in megabytes."""
    assert server.process is not None
    sizes = []
    for child in _children(server.process.pid):
        rollup = Path(f"/proc/{child}/smaps_rollup").read_text()
        sizes += [int(line.split()[1]) / 1024 for line in rollup.splitlines() if line.startswith("Pss:")]
    return max(sizes, default=float("nan"))
