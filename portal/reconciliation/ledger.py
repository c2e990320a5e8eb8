"""The findings as they are kept: one open row per difference, closed when it is gone, and never deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Row, and_, func, select, text, update

from portal import clock
from portal.audit import service as audit
from portal.database import insert_into
from portal.errors import Conflict, NotFound
from portal.extensions import db
from portal.fulfillment.models import Purchase
from portal.reconciliation.account import Comparison
from portal.reconciliation.found import KINDS, Found
from portal.reconciliation.models import Finding
from portal.vendors.service import HasId
from portal.webhooks import endpoint

OPEN, REPAIRED, GONE, DISMISSED = STATES = ("open", "repaired", "gone", "dismissed")
ONLY_OPEN = text("state = 'open'")
COMPARED = "reconciliation.compare"


def record(comparison: Comparison) -> dict[str, int]:
    """Write down what a comparison found, and what it no longer found; how many of each class count now.

    So is what it heard of the webhook endpoint, for the health line.
    """
    if comparison.endpoint is not None:
        endpoint.keep(comparison.vendor_id, comparison.endpoint)
    counted = keep(comparison.vendor_id, comparison.found)
    if not comparison.failure:
        close_gone(comparison.vendor_id, comparison.started_at, comparison.unsure)
    after = {"checked": comparison.checked, "found": sum(counted.values()), "failure": comparison.failure[:200]}
    audit.record(comparison.vendor_id, COMPARED, f"comparison:{comparison.vendor_id}", after=after)
    return counted


def keep(vendor_id: int, found: Iterable[Found]) -> dict[str, int]:
    """Open a row for each difference, or refresh the open one; how many of each class.

    What staff put aside stays aside until something about it changes.
    """
    aside = _put_aside(vendor_id)
    counted = dict.fromkeys(KINDS, 0)
    for one in {(one.kind, one.subject): one for one in found}.values():
        if aside.get((one.kind, one.subject)) == one.evidence:
            continue
        counted[one.kind] += 1
        db.session.execute(_upsert(vendor_id, one))
    return counted


def _put_aside(vendor_id: int) -> dict[tuple[str, str], str]:
    mine = select(Finding.kind, Finding.subject, Finding.evidence).where(
        Finding.vendor_id == vendor_id, Finding.state == DISMISSED
    )
    return {(kind, subject): evidence for kind, subject, evidence in db.session.execute(mine.order_by(Finding.id))}


def _upsert(vendor_id: int, one: Found) -> Any:
    now = clock.now()
    values: dict[str, Any] = {
        "customer_id": one.customer_id,
        "license_global_id": one.license_global_id,
        "evidence": one.evidence,
        "found_at": now,
    }
    money = {"amount_minor": one.amount_minor, "currency": one.currency[:3]}
    first = {"vendor_id": vendor_id, "kind": one.kind, "subject": one.subject[:255], "state": OPEN, "outcome": ""}
    row = insert_into(Finding).values(**first, **values, **money, since=min(one.since or now, now), closed_by="")
    # Whoever looks without Stripe may not know the amount; one that is known stays.
    changed = values if one.amount_minor is None else values | money
    return row.on_conflict_do_update(
        index_elements=["vendor_id", "kind", "subject"], index_where=ONLY_OPEN, set_=changed
    )


def close_gone(vendor_id: int, before: datetime, unsure: Iterable[str] = (), kinds: Sequence[str] = KINDS) -> None:
    """Close what a comparison that began then did not find again, but for purchases it could not look at."""
    old = select(Finding.id, Finding.subject, Finding.evidence).where(
        Finding.vendor_id == vendor_id, Finding.state == OPEN, Finding.kind.in_(kinds), Finding.found_at < before
    )
    spared = set(unsure)
    rows = db.session.execute(old).all()
    close_as_gone([row.id for row in rows if not spared & {row.subject, json.loads(row.evidence).get("purchase")}])


def close_as_gone(ids: Sequence[int]) -> None:
    """Close open rows that are no longer so."""
    values = {"state": GONE, "closed_at": clock.now(), "closed_by": "", "outcome": ""}
    for start in range(0, len(ids), 500):
        mine = Finding.id.in_(ids[start : start + 500])
        db.session.execute(update(Finding).where(mine, Finding.state == OPEN).values(values))


def close_claimed(vendor_id: int) -> None:
    """Close the payments that somebody has claimed and has a key for, and say whose they are."""
    is_it = and_(Purchase.vendor_id == Finding.vendor_id, Purchase.stripe_id == Finding.subject)
    is_claimed = and_(Purchase.state == "served", Purchase.customer_id.is_not(None))
    mine = and_(Finding.vendor_id == vendor_id, Finding.kind == "unclaimed_payment", Finding.state == OPEN)
    for finding, owner in db.session.execute(
        select(Finding, Purchase.customer_id).join(Purchase, is_it).where(mine, is_claimed)
    ):
        finding.state, finding.closed_at, finding.customer_id = REPAIRED, clock.now(), owner
        finding.outcome = _("It belongs to a customer now, and has its key.")


def close(finding: Finding, state: str, outcome: str, customer_id: int | None = None) -> None:
    """End a finding by a person's or a command's doing. Raises Conflict where somebody was faster.

    customer_id: whom it turned out to be about.
    """
    actor = audit.current_actor()
    mine = update(Finding).where(Finding.id == finding.id, Finding.state == OPEN)
    values: dict[str, Any] = {
        "state": state,
        "outcome": outcome,
        "closed_at": clock.now(),
        "closed_by": actor.label[:120],
    }
    if customer_id:
        values["customer_id"] = customer_id
    if db.session.execute(mine.values(values)).rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(_("Somebody has dealt with this already."))
    audit.record(
        finding.vendor_id,
        f"reconciliation.{state}",
        f"finding:{finding.id}",
        after={"class": finding.kind, "about": finding.subject, "outcome": outcome[:300]},
    )


def note_failure(finding_id: int, outcome: str) -> None:
    """Keep why a repair could not be done; the finding stays open."""
    db.session.execute(update(Finding).where(Finding.id == finding_id, Finding.state == OPEN).values(outcome=outcome))


def get(vendor: HasId, finding_id: int) -> Finding:
    """A finding of the vendor. Raises NotFound."""
    found = db.session.get(Finding, finding_id) if 0 < finding_id < 2**31 else None
    if found is None or found.vendor_id != vendor.id:
        raise NotFound(_("There is no such entry."))
    return found


def list_for(
    vendor: HasId, *, kind: str = "", state: str = OPEN, before: int | None = None, limit: int = 50
) -> list[Finding]:
    """Findings of one state, the newest first. state: empty for all that are closed."""
    mine = select(Finding).where(Finding.vendor_id == vendor.id).order_by(Finding.id.desc()).limit(limit)
    mine = mine.where(Finding.state == state) if state else mine.where(Finding.state != OPEN)
    if kind:
        mine = mine.where(Finding.kind == kind)
    if before is not None:
        mine = mine.where(Finding.id < before)
    return list(db.session.scalars(mine))


def list_same(vendor: HasId, finding: Finding, limit: int = 5) -> list[Finding]:
    """What was found about the same thing before, and settled; newest first."""
    same = select(Finding).where(
        Finding.vendor_id == vendor.id,
        Finding.kind == finding.kind,
        Finding.subject == finding.subject,
        Finding.id != finding.id,
    )
    return list(db.session.scalars(same.order_by(Finding.id.desc()).limit(limit)))


def totals(vendor: HasId) -> list[Row[Any]]:
    """Open findings: class, currency, how many, how much money, since when; in one query."""
    counted = (
        select(
            Finding.kind,
            Finding.currency,
            func.count().label("number"),
            func.sum(Finding.amount_minor).label("amount_minor"),
            func.min(Finding.since).label("since"),
        )
        .where(Finding.vendor_id == vendor.id, Finding.state == OPEN)
        .group_by(Finding.kind, Finding.currency)
    )
    return list(db.session.execute(counted))
