"""Serving the sandbox: a socket that is bound first, so that the app knows its own address."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

from portal.sandbox.accidents.mishaps import DROP

LARGEST_BODY = 16 * 1024 * 1024
MOST_CONNECTIONS = 1000  # every client keeps one open for its next call


class _Task(WSGITask):  # type: ignore[misc]
    """Answers a request, or closes the connection without a word when the app says that the reply is lost."""

    def write(self, data: bytes) -> None:
        if not (self.environ or {}).get(DROP):
            super().write(data)
            return
        self.wrote_header = self.close_on_finish = True
        self.content_length = None


class _Channel(HTTPChannel):  # type: ignore[misc]
    task_class = _Task


class Server:
    """A waitress server on a free or given port. make_app gets the address and returns the WSGI app."""

    def __init__(
        self, make_app: Callable[[str], Any], host: str = "127.0.0.1", port: int = 0, threads: int = 8
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        self.app = make_app(self.url)
        self._map: dict[int, Any] = {}
        self._server = create_server(
            self.app,
            sockets=[self._socket],
            threads=threads,
            ident="sandbox",
            map=self._map,
            max_request_body_size=LARGEST_BODY,
            connection_limit=MOST_CONNECTIONS,
        )
        self._server.channel_class = _Channel
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve until `stop`, then let go of every connection."""
        try:
            while not self._stopping.is_set():
                wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)
        finally:
            self._server.task_dispatcher.shutdown()
            wasyncore.close_all(self._map)

    def start(self) -> None:
        """Serve in a thread."""
        self._thread = threading.Thread(target=self.run, name="sandbox", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._stopping.set()
        with contextlib.suppress(OSError):  # the loop may have seen it already and closed everything
            self._server.pull_trigger()
        if self._thread:
            self._thread.join(timeout=5)
