"""A load generator for 127.0.0.1: kept connections, one thread, bounded in time; prints nothing itself."""

from __future__ import annotations

import itertools
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Measured:
    """What a run saw. Latencies in seconds. busy: the share of the time this side was working."""

    requests: int
    seconds: float
    latencies: list[float]
    errors: int
    busy: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """The latency below which that share of the requests stayed, in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Connection:
    """One kept connection: sends one request after the other."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.port, self.requests = port, requests
        self.open()

    def open(self) -> None:
        """Connect, afresh if need be."""
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.wanted = b"", -1

    def send(self, due: float | None = None) -> None:
        """Send the next request. Its clock starts now, or when it was due."""
        self.buffer, self.wanted = b"", -1
        request = next(self.requests)
        self.started = due or time.perf_counter()
        self.socket.sendall(request)

    @property
    def is_over(self) -> bool:
        """Whether the server has closed it, or is about to."""
        return not self.buffer or b"\r\nConnection: close" in self.buffer[:1000]

    def receive(self) -> bool | None:
        """Take what came: True when the answer is whole and good, False when it is bad, None when more is to come."""
        chunk = self.socket.recv(65536)
        if not chunk:
            return False
        self.buffer += chunk
        if self.wanted < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            found = LENGTH.search(self.buffer, 0, end + 2)
            self.wanted = end + 4 + (int(found.group(1)) if found else 0)
        if len(self.buffer) < self.wanted:
            return None
        return self.buffer.startswith(b"HTTP/1.1 200")


def get(port: int, path: str, cookie: str = "") -> Iterator[bytes]:
    """The same GET request again and again."""
    head = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n" + (f"Cookie: {cookie}\r\n" if cookie else "")
    return itertools.repeat((head + "\r\n").encode())


def run(port: int, requests: Iterator[bytes], *, connections: int = 8, seconds: float = 3.0) -> Measured:
    """Ask 127.0.0.1:port over kept connections, as fast as it answers, until the time is up."""
    chooser = selectors.DefaultSelector()
    for _ in range(connections):
        connection = Connection(port, requests)
        connection.send()
        chooser.register(connection.socket, selectors.EVENT_READ, connection)
    latencies: list[float] = []
    errors = 0
    started, worked = time.perf_counter(), time.process_time()
    while (now := time.perf_counter()) - started < seconds:
        for key, _ in chooser.select(timeout=1):
            connection = key.data
            good = connection.receive()
            if good is None:
                continue
            latencies.append(time.perf_counter() - connection.started)
            errors += not good
            if connection.is_over:
                _open_again(chooser, connection)
            connection.send()
    elapsed = now - started
    for key in list(chooser.get_map().values()):
        key.data.socket.close()
    return Measured(len(latencies), elapsed, latencies, errors, (time.process_time() - worked) / elapsed)


def paced(
    port: int, requests: Iterator[bytes], *, per_second: float, seconds: float, connections: int = 16
) -> Measured:
    """Send at a steady pace whatever the answers take; a latency counts from the moment the request was due."""
    chooser = selectors.DefaultSelector()
    idle = deque(Connection(port, requests) for _ in range(connections))  # in turn: none rests until it is closed
    latencies: list[float] = []
    errors = sent = 0
    started, worked = time.perf_counter(), time.process_time()
    wanted = int(per_second * seconds)
    while len(latencies) < wanted:
        now = time.perf_counter()
        while idle and sent < wanted and started + sent / per_second <= now:
            connection = idle.popleft()
            connection.send(due=started + sent / per_second)
            chooser.register(connection.socket, selectors.EVENT_READ, connection)
            sent += 1
        pause = max(0.0, started + sent / per_second - now) if idle and sent < wanted else 1.0
        for key, _ in chooser.select(timeout=pause):
            connection = key.data
            good = connection.receive()
            if good is None:
                continue
            latencies.append(time.perf_counter() - connection.started)
            errors += not good
            chooser.unregister(connection.socket)
            if connection.is_over:
                connection.socket.close()
                connection.open()
            idle.append(connection)
    elapsed = time.perf_counter() - started
    for connection in idle:
        connection.socket.close()
    return Measured(len(latencies), elapsed, latencies, errors, (time.process_time() - worked) / elapsed)


def _open_again(chooser: selectors.BaseSelector, connection: Connection) -> None:
    chooser.unregister(connection.socket)
    connection.socket.close()
    connection.open()
    chooser.register(connection.socket, selectors.EVENT_READ, connection)
