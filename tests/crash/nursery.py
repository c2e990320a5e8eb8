"""The process that the others are born from: the app is loaded once, and each death is followed by a birth.

`python -m tests.crash.nursery <settings as JSON>` reads orders from its standard input and tells what happens on its
standard output, a JSON object on each line. Orders: `{"begin": {"worker1": "failpoints"}, "sweeps": false}`,
`{"arm": {"worker1": "failpoints"}}`, `{"kill": ["server1"]}`, `{"end": true}`. What runs in a child is what
`latchkey serve` and `latchkey worker` run.
"""

from __future__ import annotations

import ctypes
import dataclasses
import hashlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.crash.shared_time import SharedTime

LOOK_SECONDS = 0.005
STOPPING = (signal.SIGINT, signal.SIGTERM)
PARENT_DIED = 1  # PR_SET_PDEATHSIG
LOADED_LATE = ("stripe", "smtplib", "waitress.server", "portal.cli.serving", "portal.outbox.worker", "portal.sandbox")


class Nursery:
    """Starts, watches and replaces the processes of a lane."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.time = SharedTime(Path(settings["time"]))
        self.time.install()
        from portal import create_app

        self.app = create_app()
        for name in LOADED_LATE:
            import_module(name)
        self.work = self.app.extensions["work"]
        self.door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.door.bind(("127.0.0.1", settings["port"]))
        self.door.listen(256)
        self.born: dict[int, str] = {}
        self.has_sweeps = True
        self.is_going_on = False

    def run(self) -> None:
        """Obey until the orders end."""
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)  # it ends with its orders, not with a terminal
        rest = b""
        self.say(ready=True)
        while True:
            readable, _, _ = select.select([0], [], [], LOOK_SECONDS)
            if readable:
                got = os.read(0, 65_536)
                if not got:
                    self.end()
                    return
                *lines, rest = (rest + got).split(b"\n")
                for line in lines:
                    self.obey(json.loads(line))
            self.look()

    def obey(self, order: dict[str, Any]) -> None:
        """Do one order."""
        if "begin" in order:
            self.has_sweeps, self.is_going_on = order["sweeps"], True
            for role, wishes in order["begin"].items():
                self.bear(role, wishes)
        if "arm" in order:
            Path(self.settings["wishes"]).write_text(json.dumps(order["arm"]))
            self.send(signal.SIGUSR1, order["arm"])
        self.send(signal.SIGKILL, order.get("kill", ()))
        if "end" in order:
            self.end()
            self.say(ended=True)

    def send(self, number: signal.Signals, roles: Iterable[str]) -> None:
        """A signal to those who play these roles."""
        wanted = set(roles)
        for pid in [pid for pid, role in self.born.items() if role in wanted]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def end(self) -> None:
        """Kill everybody and wait until they are gone."""
        self.is_going_on = False
        self.send(signal.SIGKILL, self.born.values())
        for pid in list(self.born):
            os.waitpid(pid, 0)
        self.born.clear()

    def look(self) -> None:
        """Tell of deaths, and start another one, which dies no more by itself."""
        while self.born:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            role = self.born.pop(pid, "")
            self.say(died=role, signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
            if self.is_going_on:
                self.bear(role, "")

    def bear(self, role: str, wishes: str) -> None:
        """Start a process."""
        pid = os.fork()
        if pid:
            self.born[pid] = role
            return
        status = 1
        try:
            for number in STOPPING:
                signal.signal(number, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(PARENT_DIED, signal.SIGKILL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            self.live(role, wishes)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def live(self, role: str, wishes: str) -> None:
        """What a child does until it dies."""
        from portal import failpoints

        if role == "sandbox":
            self.play_stripe()
            return
        failpoints.arm(failpoints.parse(wishes))
        signal.signal(signal.SIGUSR1, lambda number, frame: self.arm(role))
        work = self.work if self.has_sweeps else dataclasses.replace(self.work, schedule={})
        self.app.extensions["work"] = work
        LIVES[role[:-1]](self)

    def arm(self, role: str) -> None:
        """Take the wishes that were written down meanwhile."""
        from portal import failpoints

        failpoints.arm(failpoints.parse(json.loads(Path(self.settings["wishes"]).read_text())[role]))

    def serve(self) -> None:
        """A serving process of `latchkey serve`."""
        from portal.cli import serving

        serving.run_here(self.app, self.door, parent=os.getppid())

    def drudge(self) -> None:
        """`latchkey worker`."""
        from portal.outbox.worker import Worker

        Worker(self.app, poll_seconds=0.08).run()

    def play_stripe(self) -> None:
        """The sandbox, with its courier; every answer to a webhook is written down."""
        from portal.sandbox import create_sandbox
        from portal.sandbox.server import Server
        from portal.sandbox.webhooks import courier, sending

        answers = os.open(self.settings["answers"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

        def post(url: str, body: bytes, headers: dict[str, str]) -> int:
            status = sending.post(url, body, headers)
            note = {"sha256": hashlib.sha256(body).hexdigest(), "status": status, "type": json.loads(body)["type"]}
            os.write(answers, json.dumps(note).encode() + b"\n")
            return status

        courier.LOOK_SECONDS = 0.06
        origin = [f"http://127.0.0.1:{self.settings['port']}"]
        file, port = self.settings["sandbox_file"], self.settings["sandbox_port"]
        make: Callable[[str], Any] = lambda url: create_sandbox(  # noqa: E731
            file, url, clock=self.time.unix, portal_origins=origin
        )
        server = Server(make, port=port)
        server.app.extensions["courier"].post = post
        server.app.extensions["courier"].start()
        server.run()

    def say(self, **news: Any) -> None:
        """Tell the lane."""
        os.write(1, json.dumps(news | {"at": time.time()}).encode() + b"\n")


LIVES: dict[str, Callable[[Nursery], None]] = {"server": Nursery.serve, "worker": Nursery.drudge}


if __name__ == "__main__":
    Nursery(json.loads(sys.argv[1])).run()
