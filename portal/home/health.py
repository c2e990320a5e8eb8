"""What the operator's tools ask: is the process alive, can it serve, and how long is the queue."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import case, func, select, text
from sqlalchemy.exc import DBAPIError
from werkzeug.wrappers import Response as WerkzeugResponse

from portal import access, clock, crypto, logging, schema
from portal.config import LOOPBACK
from portal.errors import Forbidden
from portal.extensions import db
from portal.outbox.models import OutboxItem
from portal.reconciliation import health
from portal.reconciliation.found import KINDS

bp = Blueprint("health", __name__)

PATHS = ("/healthz", "/readyz", "/metrics")
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via")
SLOW_QUEUE_SECONDS = 300


class AnyHost:
    """WSGI middleware: health paths answer under any Host, because load balancers ask by address.

    These views never use the host, so they are handed the configured one.
    """

    def __init__(self, app: Any, host: str) -> None:
        self.app = app
        self.host = host

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") in PATHS:
            environ["HTTP_HOST"] = self.host
        answer: Iterable[bytes] = self.app(environ, start_response)
        return answer


@dataclass(frozen=True)
class Queue:
    """How the outbox stands. oldest_seconds: how long the first item due has waited."""

    waiting: int
    dead: int
    oldest_seconds: int


@bp.get("/healthz")
@access.public
def healthz() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
@access.public
def readyz() -> tuple[Response, int]:
    """Whether this process can serve: the database answers, and its tables are this release's."""
    checks = {"database": _database_answers()}
    checks["schema"] = checks["database"] and _schema_is_current()
    ready = all(checks.values())
    facts: dict[str, Any] = {"ready": ready}
    if _may_see_more():
        facts["checks"] = checks
        if ready:
            queue = queue_state()
            facts["queue"] = vars(queue)
            facts["warnings"] = ["the queue is not being worked off"] if _is_slow(queue) else []
    return jsonify(facts), 200 if ready else 503


@bp.get("/metrics")
@access.public
def metrics() -> WerkzeugResponse:
    """Numbers for Prometheus; all from the database, so that every process tells the same."""
    if not _may_see_more():
        raise Forbidden
    registry = CollectorRegistry()
    queue = queue_state()
    items = Gauge("latchkey_outbox_items", "Mails and jobs by state", ["state"], registry=registry)
    items.labels("waiting").set(queue.waiting)
    items.labels("dead").set(queue.dead)
    oldest = Gauge("latchkey_outbox_oldest_seconds", "How long the first item due has waited", registry=registry)
    oldest.set(queue.oldest_seconds)
    _money(registry)
    pool = Gauge("latchkey_database_connections_in_use", "Connections of the answering process", registry=registry)
    pool.set(db.engine.pool.checkedout())  # type: ignore[attr-defined]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _money(registry: CollectorRegistry) -> None:
    """What the reconciliation desks show, all vendors together."""
    found, events, seconds = health.numbers()
    findings = Gauge("latchkey_findings", "Open findings of the reconciliation by class", ["kind"], registry=registry)
    for kind in KINDS:
        findings.labels(kind).set(found.get(kind, 0))
    waiting = Gauge("latchkey_stripe_events", "Events of Stripe by state", ["state"], registry=registry)
    waiting.labels("waiting").set(events.get("received", 0))
    waiting.labels("parked").set(events.get("parked", 0))
    lag = Gauge("latchkey_stripe_events_oldest_seconds", "How long the first event has waited", registry=registry)
    lag.set(seconds)


def queue_state() -> Queue:
    """How many items wait or were given up, and for how long the first one due has waited."""
    counted = select(OutboxItem.state, func.count()).where(OutboxItem.state != "done").group_by(OutboxItem.state)
    counts = {row.state: int(row[1]) for row in db.session.execute(counted)}
    # Codes are due before they were queued, so that they overtake the rest.
    since = case(
        (OutboxItem.available_at < OutboxItem.created_at, OutboxItem.created_at), else_=OutboxItem.available_at
    )
    first = db.session.scalar(select(func.min(since)).where(OutboxItem.state == "waiting"))
    seconds = int((clock.now() - first).total_seconds()) if first else 0
    return Queue(counts.get("waiting", 0), counts.get("dead", 0), max(0, seconds))


def _is_slow(queue: Queue) -> bool:
    return queue.oldest_seconds > SLOW_QUEUE_SECONDS


def _database_answers() -> bool:
    try:
        db.session.execute(text("SELECT 1"))
    except DBAPIError as error:
        logging.get().error("the database does not answer", exc_info=error)
        db.session.rollback()
        return False
    return True


def _schema_is_current() -> bool:
    return schema.current() == schema.head()


def _may_see_more() -> bool:
    """The bearer of the metrics token, or somebody on this machine who did not come through a proxy."""
    token = crypto.settings().metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode(errors="surrogateescape")
    if token and hmac.compare_digest(given, token.encode()):
        return True
    return request.remote_addr in LOOPBACK and not any(name in request.headers for name in FORWARDED)
