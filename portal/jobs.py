"""What the outbox worker may be asked to do, by name, so that it imports no feature itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from flask import Flask

# name given to queue_job → the function that does it; it gets vendor_id and the queued arguments as keywords
JOBS: dict[str, str] = {
    "billing.sync_plans": "portal.billing.plan_sync:sync_plans",
    "fulfillment.ensure": "portal.fulfillment.sweeps:ensure",
    "fulfillment.look_at_order": "portal.fulfillment.ordered:look_at_order",
    "fulfillment.sweep_all": "portal.fulfillment.sweeps:sweep_all",
    "fulfillment.sweep_ending": "portal.fulfillment.sweeps:sweep_ending",
    "fulfillment.sweep_orders": "portal.fulfillment.ordered:sweep_orders",
    "fulfillment.write_back": "portal.fulfillment.write_back:perform",
    "reconciliation.compare": "portal.reconciliation.jobs:compare",
    "reconciliation.watch": "portal.reconciliation.watching:watch",
    "stripe_doctor.check": "portal.stripe_doctor.service:check",
    "webhooks.sweep_events": "portal.webhooks.sweeping:sweep_events",
}
# jobs that come round again: seconds between two turns
SCHEDULE: dict[str, int] = {
    "fulfillment.sweep_orders": 5 * 60,
    "webhooks.sweep_events": 15 * 60,
    "fulfillment.sweep_ending": 3600,
    "billing.sync_plans": 3600,
    "fulfillment.sweep_all": 24 * 3600,
    "reconciliation.compare": 24 * 3600,
    "reconciliation.watch": 5 * 60,
    "stripe_doctor.check": 24 * 3600,
}
# done by every worker once an hour; each only deletes what has had its day, so that doing it twice is harmless
HOUSEKEEPING: tuple[str, ...] = (
    "portal.outbox.cleaning:clean_up",
    "portal.account.cleaning:clean_up",
    "portal.webhooks.cleaning:clean_up",
)
# other queues that the same workers work off, after the outbox: each call does one piece of work
QUEUES: tuple[str, ...] = ("portal.webhooks.service:work_once",)

Job = Callable[..., Any]


@dataclass(frozen=True)
class Work:
    """What a worker needs of the app.

    queues: each does one piece of work and says whether it went well, or None when nothing is due. find_brand: the
    profile of a vendor id, for mails.
    """

    jobs: dict[str, Job]
    housekeeping: tuple[Job, ...]
    queues: tuple[Job, ...]
    schedule: dict[str, int]
    find_brand: Callable[[int], Any]


def init_app(app: Flask) -> None:
    """Fill the table; a name that leads nowhere fails here, not in the worker."""
    from portal.vendors import service as vendors

    app.extensions["work"] = Work(
        jobs={name: _function(path) for name, path in JOBS.items()},
        housekeeping=tuple(_function(path) for path in HOUSEKEEPING),
        queues=tuple(_function(path) for path in QUEUES),
        schedule=SCHEDULE,
        find_brand=lambda vendor_id: vendors.profile_of(vendors.get(vendor_id)),
    )


def _function(path: str) -> Job:
    module, _, name = path.partition(":")
    function: Job = getattr(import_module(module), name)
    return function
