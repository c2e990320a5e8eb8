"""A mail server for the tests: takes everything, forgets nothing, and is grumpy when told to."""

from __future__ import annotations

import re
import socketserver
import threading
from collections import Counter

MESSAGE_ID = re.compile(rb"^Message-ID: <([^@>]+)@", re.IGNORECASE | re.MULTILINE)


class Mailbox:
    """Listens on a free port. taken: how often each Message-ID came."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.refusals = 0
        box = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                box._talk(self)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk)
        self._server.daemon_threads = True
        self.url = f"smtp://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def empty(self, *, refusals: int = 0) -> None:
        """Start afresh. refusals: so many of the next mails are put off with a 4xx."""
        self.taken = Counter()
        self.refusals = refusals

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def _talk(self, line: socketserver.StreamRequestHandler) -> None:
        say = lambda text: line.wfile.write(text + b"\r\n")  # noqa: E731
        say(b"220 mailbox")
        while command := line.rfile.readline():
            word = command.strip().upper()[:4]
            if word == b"QUIT":
                say(b"221 bye")
                return
            if word != b"DATA":
                say(b"250 mailbox" if word in (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP") else b"502 no")
                continue
            say(b"354 go on")
            lines = []
            while (part := line.rfile.readline()) not in (b".\r\n", b""):
                lines.append(part)
            if part and self._take(b"".join(lines)):
                say(b"250 taken")
            else:
                say(b"451 later")

    def _take(self, message: bytes) -> bool:
        if self.refusals > 0:
            self.refusals -= 1
            return False
        found = MESSAGE_ID.search(message)
        self.taken[found[1].decode() if found else ""] += 1
        return True
