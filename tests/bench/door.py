"""The door for Stripe's events, side by side with a bare route that only checks the signature."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from portal.billing import service as billing
from portal.extensions import db
from portal.webhooks.models import StripeEvent
from tests import factories
from tests.bench import events, load, wire
from tests.bench.report import Line, show
from tests.support import databases
from tests.webhooks.letters import SECRET

SUBJECTS = [f"sub_bench{number:06d}" for number in range(2000)]
STEADY = 500  # events a second
NOTE = (
    f"gunicorn gthread, 4 threads; every event another one, 3 KB; {wire.CONNECTIONS} kept connections,\n"
    f"  {wire.TURNS} turns of {wire.SECONDS:.0f} s, medians. One worker has a core for itself; two have none."
)


@dataclass
class Door(wire.Server):
    """A server whose door is knocked at with a new event each time."""

    vendor_id: int = 1

    def requests(self) -> Iterator[bytes]:
        """New events without end."""
        return events.requests(self.vendor_id, SUBJECTS)


def run(*, quick: bool) -> None:
    """Measure and print."""
    for workers in (1, 2):
        _side_by_side(workers)
    for kind in ("sqlite", "postgresql"):
        _steadily(kind, seconds=10 if quick else 60)


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


def _steadily(kind: str, seconds: int) -> None:
    """A steady stream at two workers: what is answered, and what is stored."""
    with wire.pinned_to_load(), wire.postgresql_everywhere(), site(kind) as environment:
        with wire.running(Door("door", "wsgi:app", "", environment=environment, workers=2)) as door:
            before = _stored(environment)
            seen = load.paced(door.port, door.requests(), per_second=STEADY, seconds=seconds)
            stored = _stored(environment) - before
        lines = [
            Line("stored", stored, "events"),
            Line("answered 200", seen.requests - seen.errors, "events"),
            Line("a second", seen.per_second, "/s", least=0.99 * STEADY),
            Line("p50, from when it was due", seen.percentile(0.5), "ms"),
            Line("p99, from when it was due", seen.percentile(0.99), "ms", most=50),
        ]
        show(f"{STEADY} events a second for {seconds} s, {kind}, 2 workers", "", lines)
        if stored != seen.requests - seen.errors:
            raise SystemExit("What was acknowledged is not what is stored.")


def _stored(environment: dict[str, str]) -> int:
    with _app(environment).app_context():
        count = db.session.scalar(select(func.count()).select_from(StripeEvent)) or 0
        db.session.remove()
        db.engine.dispose()
        return count


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
