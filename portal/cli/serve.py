"""`latchkey serve`: the production server."""

from __future__ import annotations

import os

import click

from portal.cli import running
from portal.config import LOOPBACK


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", type=click.IntRange(1, 256), help="Processes; by default one for each core.")
def serve(host: str, port: int, workers: int | None) -> None:
    """Serve the portal to a proxy that speaks TLS. SIGTERM lets running requests finish.

    On SQLite with one worker it works off the queue too; otherwise run `latchkey worker` beside it.
    """
    from portal import crypto
    from portal.cli import listening, serving
    from portal.outbox.worker import Worker

    with running.portal_app() as app:
        if crypto.settings().env != "production" and host not in LOOPBACK:
            raise click.ClickException(
                "LATCHKEY_ENV is not production: its pages show every mail, so serve on loopback only."
            )
        is_sqlite = crypto.settings().is_sqlite
    count = workers or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    door = listening.listen(host, port)
    door.listen(serving.BACKLOG)
    click.echo(f"Latchkey listens at {listening.origin(door)}, in {count} processes.", err=True)
    if is_sqlite and count == 1:
        queue = Worker(app)
        queue.start()
        serving.run_here(app, door)
        queue.stop()
        return
    click.echo("Mail and jobs wait for `latchkey worker`: run at least one beside this server.", err=True)
    if count == 1:
        serving.run_here(app, door)
    else:
        serving.run_processes(app, door, count)
