"""`latchkey demo`: everything in one command, without an account or a network anywhere."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from portal.cli import running

if TYPE_CHECKING:
    from flask import Flask

POLL_SECONDS = 0.2
TEXT = """
  Latchkey is running at {url}

  As a customer     {customer_url}
                    {customer_email}  ·  {customer_password}
  As vendor staff   {staff_url}
                    {staff_email}  ·  {staff_password}
  Sign-up link      {sign_up_link}
  Personal link     {personal_link}
  Mail              {mail_url}
  Sandbox Stripe    {sandbox_url}

  Everything is made up and stays on this machine. Data: {data_dir}
  Stop with Ctrl-C.
"""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Default: ./instance/demo.")
@click.option("--sandbox-port", type=click.IntRange(0, 65535), help="Default: the port above plus one.")
@running.as_json_option
def demo(host: str, port: int, data_dir: Path | None, sandbox_port: int | None, as_json: bool) -> None:
    """Try Latchkey: a vendor, customers, mail and a stand-in for Stripe, kept between starts."""
    from portal import config
    from portal.cli import demo_parts as parts
    from portal.cli.listening import listen, origin

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _leave)
    folder = (data_dir or config.demo_data_dir()).absolute()
    parts.make_folder(folder)
    door = listen(host, port)
    beside = door.getsockname()[1] + 1 if port else 0
    with parts.sandbox(host, beside if sandbox_port is None else sandbox_port, folder, origin(door)) as sandbox_url:
        app = parts.make_app(folder, origin(door), sandbox_url)
        facts = parts.prepare(app, sandbox_url)
        _serve(app, door, {**facts, "data_dir": str(folder)}, as_json)


def _serve(app: Flask, door: socket.socket, facts: dict[str, Any], as_json: bool) -> None:
    """Answer requests and work off the queue until told to stop."""
    from portal.cli import serving
    from portal.outbox.worker import Worker

    def tell() -> None:
        if as_json:
            running.show(facts, as_json)
        else:
            click.echo(TEXT.format(**facts))
        sys.stdout.flush()

    queue = Worker(app, poll_seconds=POLL_SECONDS)
    queue.start()
    serving.run_here(app, door, when_ready=tell)
    queue.stop()


def _leave(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
