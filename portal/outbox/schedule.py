"""Jobs that come round again, whoever is alive to do them."""

from __future__ import annotations

from portal import clock
from portal.outbox import service as outbox


def queue_turn(name: str, seconds: int) -> None:
    """Queue a job for the running stretch of time, unless it was queued for it before; the worker commits.

    seconds: between two turns.
    """
    outbox.queue_job(name, vendor_id=None, dedupe_key=f"schedule:{name}:{clock.unix() // seconds}")
