"""A whole running site for the journeys: portal and sandbox on free ports, a SQLite file, mail read from the queue."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from waitress.server import create_server

from portal import clock
from tests.support import databases
from tests.support.mailbox import Mail, sent_mails
from tests.support.sandbox_server import MovableClock, RunningSandbox, running_sandbox

VENDOR = "acme.example"


@dataclass
class Site:
    """Where everything runs. `app` is the served app; use it with `with site.app.app_context():` to make records."""

    app: Flask
    url: str
    sandbox: RunningSandbox

    def portal(self, page: str = "") -> str:
        """An address below the vendor's portal."""
        return f"{self.url}/Portal/@{VENDOR}/{page}"

    def last_mail(self, recipient: str) -> Mail:
        """The newest mail to somebody; called inside the test's app context."""
        mails = sent_mails(recipient)
        assert mails, f"no mail to {recipient}"
        return mails[-1]


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Start portal and sandbox, and stop them afterwards."""
    url = f"sqlite:///{folder / 'journeys.sqlite3'}"
    databases.migrate(url, folder)
    port = _free_port()
    with running_sandbox(clock=MovableClock(clock.unix())) as sandbox:
        more = {"LATCHKEY_BASE_URL": f"http://127.0.0.1:{port}", "LATCHKEY_STRIPE_API_BASE": sandbox.url}
        app = databases.make_app(url, folder, **more)
        server = create_server(app, host="127.0.0.1", port=port, threads=4)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield Site(app, f"http://127.0.0.1:{port}", sandbox)
        finally:
            server.close()
            thread.join(timeout=5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
