"""`latchkey serve`: many requests, slow clients, a graceful end."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from portal.extensions import db
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem
from tests.cli.processes import await_that, started
from tests.support import databases

__all__ = ["started"]  # a fixture


@pytest.fixture
def serve(started, database_url, tmp_path):
    """Start the server; gives the process and its address."""

    def serve(workers: int):
        process = started(
            "serve", "--port", "0", "--workers", str(workers), **databases.environment(database_url, tmp_path)
        )
        line = process.stderr.readline()
        found = re.search(r"http://\S+:[0-9]+", line)
        assert found, line + process.stderr.read()
        return process, found[0]

    return serve


def port_of(url: str) -> tuple[str, int]:
    return "127.0.0.1", int(url.rpartition(":")[2])


@pytest.mark.parametrize("workers", [1, 2])
def test_clients_that_never_finish_hold_nobody_up(serve, acme, workers):
    _process, url = serve(workers)
    begun = b"POST /SignIn HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n"
    slow = [socket.create_connection(port_of(url)) for _ in range(20)]
    for number, client in enumerate(slow):
        client.sendall(begun + (b"\r\nemail=a" if number % 2 else b""))

    for _ in range(5):
        assert requests.get(f"{url}/healthz", timeout=3).text == "ok\n"
    for client in slow:
        client.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_lets_every_request_finish(serve, acme, workers):
    process, url = serve(workers)
    failed: list[str] = []
    answered: list[int] = []

    def ask() -> None:
        while process.poll() is None:
            try:
                answered.append(requests.get(f"{url}/SignIn", timeout=10, headers={"Host": "localhost"}).status_code)
            except requests.ConnectionError as error:
                if "refused" not in str(error):
                    failed.append(str(error))

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for client in clients:
        client.start()
    await_that(lambda: len(answered) > 30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    for client in clients:
        client.join()

    assert set(answered) == {200}
    assert not failed


def test_a_process_that_dies_is_replaced(serve, acme):
    process, url = serve(2)
    children = lambda: set(_children(process.pid))  # noqa: E731
    await_that(lambda: len(children()) == 2)
    before = children()
    os.kill(min(before), signal.SIGKILL)
    await_that(lambda: len(children()) == 2 and children() != before)

    assert requests.get(f"{url}/healthz", timeout=3).ok
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_burst_of_signals_stops_it_as_well_as_one(serve, acme, workers):
    process, url = serve(workers)
    assert requests.get(f"{url}/healthz", timeout=3).ok
    targets = [process.pid, *_children(process.pid)] if workers > 1 else [process.pid]
    for _ in range(300):
        for target in targets:
            with suppress(ProcessLookupError):
                os.kill(target, signal.SIGTERM)

    assert process.wait(30) == 0


def test_the_processes_end_with_their_supervisor(serve, acme):
    process, _url = serve(2)
    await_that(lambda: len(_children(process.pid)) == 2)
    left = _children(process.pid)
    process.kill()
    process.wait()

    await_that(lambda: not [child for child in left if _lives(child)])


@pytest.mark.sqlite_only
def test_one_process_on_sqlite_works_off_the_queue_itself(serve, acme):
    _process, _url = serve(1)
    outbox.queue_job("no_such_job", vendor_id=acme.id)
    db.session.commit()

    def tried() -> bool:
        db.session.rollback()
        found = db.session.scalar(select(OutboxItem.last_error))
        db.session.rollback()
        return bool(found)

    await_that(tried)


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        return [int(number) for number in text.split()]
    except FileNotFoundError:
        return []


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_environment_for_trying_out_is_served_on_loopback_only(started, database_url, tmp_path):
    process = started("serve", "--host", "0.0.0.0", "--port", "0", **databases.environment(database_url, tmp_path))

    assert process.wait(timeout=20) == 1
    assert "loopback only" in process.stderr.read()
