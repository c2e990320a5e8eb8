"""`latchkey worker`: sends queued mail and does queued jobs."""

from __future__ import annotations

import gc
import signal
from dataclasses import asdict
from types import FrameType

import click

from portal.cli import running


@click.command()
@click.option("--once", is_flag=True, help="Work off what is due now, then end.")
@running.as_json_option
def worker(once: bool, as_json: bool) -> None:
    """Work off the queue: mail and jobs. Runs until SIGTERM; several may run at once."""
    from portal.outbox.worker import Worker

    with running.portal_app() as app:
        at_work = Worker(app)

        def leave(signum: int, frame: FrameType | None) -> None:
            at_work.ask_to_stop()

        signal.signal(signal.SIGTERM, leave)
        signal.signal(signal.SIGINT, leave)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: looking through it again and again takes a tenth of the time
        if once:
            at_work.tidy()
            running.show(asdict(at_work.drain()), as_json)
        else:
            running.show(asdict(at_work.run()), as_json)
