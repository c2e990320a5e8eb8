"""A load generator for 127.0.0.1: kept connections, one thread, bounded in time; prints nothing itself."""

from __future__ import annotations

import re
import selectors
import socket
import time
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
    """One kept connection: sends the same request again and again."""

    def __init__(self, port: int, request: bytes) -> None:
        self.port, self.request = port, request
        self.open()

    def open(self) -> None:
        """Connect afresh and send the first request."""
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send()

    def send(self) -> None:
        """Send the request and start its clock."""
        self.buffer, self.wanted = b"", -1
        self.started = time.perf_counter()
        self.socket.sendall(self.request)

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


def run(port: int, path: str, *, cookie: str = "", connections: int = 8, seconds: float = 3.0) -> Measured:
    """Ask 127.0.0.1:port for a path over kept connections until the time is up."""
    head = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n" + (f"Cookie: {cookie}\r\n" if cookie else "")
    request = (head + "\r\n").encode()
    chooser = selectors.DefaultSelector()
    for _ in range(connections):
        connection = Connection(port, request)
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
            if b"\r\nConnection: close" in connection.buffer[:1000] or not connection.buffer:
                chooser.unregister(connection.socket)
                connection.socket.close()
                connection.open()
                chooser.register(connection.socket, selectors.EVENT_READ, connection)
            else:
                connection.send()
    elapsed = now - started
    for key in list(chooser.get_map().values()):
        key.data.socket.close()
    return Measured(len(latencies), elapsed, latencies, errors, (time.process_time() - worked) / elapsed)
