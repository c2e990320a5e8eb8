"""How well Stripe's news reaches us: the line on top of the desk, and the operator's numbers. Nothing is asked here.

It turns red within a quarter of an hour; Stripe tries for three days before it gives an event up, and longer before it
gives the endpoint up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import format_timedelta, ngettext
from flask_babel import gettext as _
from sqlalchemy import func, select

from portal import clock
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.reconciliation.models import Finding
from portal.vendors.service import HasId
from portal.webhooks import endpoint
from portal.webhooks.endpoint import EndpointHealth
from portal.webhooks.models import StripeEvent

GOOD, QUIET, WATCH, BAD = "success", "info", "warning", "danger"
LONG_WAIT = timedelta(hours=1)
NO_SWEEP = timedelta(minutes=45)
SAMPLE = 3


@dataclass(frozen=True)
class Health:
    """The line. waiting: events not worked off; failing: of these, those that failed before. problems: (kind, text).

    last_event_at: of those that came by themselves; last_fetched_at: of those read from Stripe's list. is_fetched: the
    last ones did not come by themselves. is_unswept: Stripe's list of events is not read any more.
    """

    has_key: bool
    last_event_at: datetime | None
    last_fetched_at: datetime | None
    waiting: int
    failing: int
    parked: int
    lag: timedelta
    endpoint: EndpointHealth
    is_fetched: bool
    is_unswept: bool
    problems: tuple[tuple[str, str], ...]

    @property
    def kind(self) -> str:
        """The color: of the worst problem."""
        kinds = [kind for kind, _text in self.problems]
        if kinds:
            return BAD if BAD in kinds else WATCH
        return GOOD if self.last_event_at or self.last_fetched_at else QUIET

    @property
    def waits_for(self) -> str:
        """The lag in words: how long the oldest event waits."""
        return str(format_timedelta(self.lag, granularity="second", threshold=1.2))

    @property
    def needs_the_doctor(self) -> bool:
        """Whether the endpoint at Stripe, its secret or the key may be what is wrong."""
        return not self.has_key or self.is_fetched or self.endpoint.state not in (endpoint.OK, endpoint.UNKNOWN)


def of(vendor: HasId) -> Health:
    """The line of a vendor."""
    account = db.session.get(StripeAccount, vendor.id)
    counted = _counts(vendor.id)
    found = endpoint.health_of(vendor.id)
    has_key = bool(account and account.api_key)
    lag = clock.now() - counted.oldest if counted.oldest else timedelta(0)
    is_fetched, is_unswept = _is_fetched(vendor.id, found.ok_since), _is_unswept(account)
    problems = _problems(has_key, found, counted, lag) + _of_the_sweep(is_fetched, is_unswept)
    return Health(
        has_key=has_key,
        last_event_at=_last(vendor.id, is_fetched=False),
        last_fetched_at=_last(vendor.id, is_fetched=True),
        waiting=counted.waiting,
        failing=counted.failing,
        parked=counted.parked,
        lag=max(lag, timedelta(0)),
        endpoint=found,
        is_fetched=is_fetched,
        is_unswept=is_unswept,
        problems=tuple(problems),
    )


@dataclass(frozen=True)
class _Counts:
    waiting: int
    failing: int
    parked: int
    oldest: datetime | None


def _counts(vendor_id: int) -> _Counts:
    counted = (
        select(
            StripeEvent.state,
            func.count().label("number"),
            func.count().filter(StripeEvent.attempts > 1).label("failing"),
            func.min(StripeEvent.received_at).label("oldest"),
        )
        .where(StripeEvent.vendor_id == vendor_id, StripeEvent.state.in_(("received", "parked")))
        .group_by(StripeEvent.state)
    )
    rows = {row.state: row for row in db.session.execute(counted)}
    waiting, parked = rows.get("received"), rows.get("parked")
    return _Counts(
        waiting.number if waiting else 0,
        waiting.failing if waiting else 0,
        parked.number if parked else 0,
        waiting.oldest if waiting else None,
    )


def _last(vendor_id: int, *, is_fetched: bool) -> datetime | None:
    mine = select(StripeEvent.received_at).where(
        StripeEvent.vendor_id == vendor_id, StripeEvent.is_fetched == is_fetched
    )
    return db.session.scalar(mine.order_by(StripeEvent.id.desc()).limit(1))


def _problems(has_key: bool, found: EndpointHealth, counted: _Counts, lag: timedelta) -> list[tuple[str, str]]:
    if not has_key:
        return [(WATCH, _("There is no Stripe key yet, so nothing can be compared."))]
    told: list[tuple[str, str]] = []
    if found.state in _endpoint_words():
        told.append(_endpoint_words()[found.state])
    if lag > LONG_WAIT:
        told.append((BAD, _("Events wait for more than an hour. Is the worker running, and does Stripe answer?")))
    if counted.failing:
        failing = ngettext(
            "%(num)s event fails and is tried again.", "%(num)s events fail and are tried again.", counted.failing
        )
        told.append((WATCH, failing))
    if counted.parked:
        parked = ngettext("%(num)s event was given up.", "%(num)s events were given up.", counted.parked)
        told.append((BAD, parked))
    return told


def _endpoint_words() -> dict[str, tuple[str, str]]:
    return {
        endpoint.MISSING: (BAD, _("Stripe has no webhook endpoint with your address.")),
        endpoint.DISABLED: (BAD, _("Stripe has disabled your webhook endpoint.")),
        endpoint.WRONG_MODE: (BAD, _("The webhook endpoint at Stripe belongs to the other mode, test or live.")),
        endpoint.WRONG_EVENTS: (WATCH, _("Stripe does not tell of everything that is needed.")),
        endpoint.WRONG_VERSION: (WATCH, _("The webhook endpoint uses another version of Stripe's interface.")),
    }


def _is_fetched(vendor_id: int, since: datetime | None) -> bool:
    """Whether the last events did not come by themselves though they should have: since the endpoint is in order."""
    mine = select(StripeEvent.is_fetched).where(StripeEvent.vendor_id == vendor_id)
    latest = mine if since is None else mine.where(StripeEvent.created_at > since)
    newest = list(db.session.scalars(latest.order_by(StripeEvent.id.desc()).limit(SAMPLE)))
    return len(newest) == SAMPLE and all(newest)


def _is_unswept(account: StripeAccount | None) -> bool:
    """Whether the sweep stands still: no worker runs, or Stripe does not answer."""
    return bool(account and account.events_until and account.events_until < clock.now() - NO_SWEEP)


def _of_the_sweep(is_fetched: bool, is_unswept: bool) -> list[tuple[str, str]]:
    told = []
    if is_fetched:
        told.append((BAD, _("The last events did not come by themselves: they were fetched from Stripe's list.")))
    if is_unswept:
        told.append((BAD, _("Stripe's list of events was not read for long.")))
    return told


def numbers() -> tuple[dict[str, int], dict[str, int], int]:
    """For the operator, all vendors together: open findings by class, events by state, seconds the oldest one waits."""
    findings = select(Finding.kind, func.count()).where(Finding.state == "open").group_by(Finding.kind)
    waiting = (
        select(StripeEvent.state, func.count(), func.min(StripeEvent.received_at))
        .where(StripeEvent.state.in_(("received", "parked")))
        .group_by(StripeEvent.state)
    )
    rows = db.session.execute(waiting).all()
    oldest = next((row[2] for row in rows if row[0] == "received"), None)
    seconds = max(0, int((clock.now() - oldest).total_seconds())) if oldest else 0
    return {row[0]: row[1] for row in db.session.execute(findings)}, {row[0]: row[1] for row in rows}, seconds
