"""The door for Stripe's events, side by side with a bare route that only checks the signature."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from portal.billing import service as billing
from portal.extensions import db
from tests import factories
from tests.bench import events, wire
from tests.bench.report import Line, show
from tests.support import databases
from tests.webhooks.letters import SECRET

SUBJECTS = [f"sub_bench{number:06d}" for number in range(2000)]
NOTE = (
    f"gunicorn gthread, 4 threads; every event another one, 4 KB; {wire.CONNECTIONS} kept connections,\n"
    f"  {wire.TURNS} turns of {wire.SECONDS:.0f} s, medians. One worker has a core for itself; two have none."
)


@dataclass
class Door(wire.Server):
    """A server whose door is knocked at with a new event each time."""

    vendor_id: int = 1

    def requests(self) -> Iterator[bytes]:
        """New events without end."""
        return events.requests(self.vendor_id, SUBJECTS)


def run() -> None:
    """Measure and print."""
    for workers in (1, 2):
        _side_by_side(workers)


def _side_by_side(workers: int) -> None:
    with ExitStack() as stack, wire.pinned_to_load():
        if workers > 1:
            stack.enter_context(wire.postgresql_everywhere())
        doors = [Door("bare route", "tests.bench.bare_door:app", "", workers=workers)]
        for kind in ("sqlite", "postgresql"):
            environment = stack.enter_context(site(kind))
            doors.append(Door(f"door, {kind}", "wsgi:app", "", environment=environment, workers=workers))
        for door in doors:
            stack.enter_context(wire.running(door))
        for _ in range(wire.TURNS):
            for door in doors:
                door.take_turn()
        show(f"The door, {workers} worker{'s' if workers > 1 else ''}", NOTE if workers == 1 else "", _lines(doors))


def _lines(doors: list[Door]) -> Iterator[Line]:
    for door in doors:
        yield Line(door.name, door.per_second, "/s")
        yield Line("  p50", door.percentile(0.5), "ms")
        yield Line("  p99", door.percentile(0.99), "ms")
    for door in doors[1:]:
        yield Line(f"{door.name} ÷ bare route", door.per_second / doors[0].per_second, "×", least=0.55)


@contextmanager
def site(kind: str, stripe: str = "") -> Iterator[dict[str, str]]:
    """Settings of a fresh database with a vendor whose door is open. stripe: the sandbox, whose key is set then."""
    with tempfile.TemporaryDirectory() as name, databases.fresh(kind, Path(name)) as url:
        more = {"LATCHKEY_STRIPE_API_BASE": stripe} if stripe else {}
        environment = {**databases.environment(url, Path(name)), **more}
        with _app(environment).app_context():
            vendor = factories.make_vendor("bench.example", "Bench")
            factories.make_product(vendor)
            db.session.commit()
            billing.set_account(vendor, webhook_secrets=[SECRET], api_key="sk_test_bench" if stripe else None)
            db.session.commit()
            db.session.remove()
            db.engine.dispose()
        yield environment


def _app(environment: dict[str, str]):  # type: ignore[no-untyped-def]
    from portal import config, create_app

    return create_app(config.from_environment(environment))
