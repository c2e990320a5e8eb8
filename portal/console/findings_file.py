"""Findings as a CSV file of any length."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, current_app, g

from portal.console.csv_lines import line
from portal.reconciliation import ledger
from portal.reconciliation.models import Finding
from portal.vendors.service import HasId

COLUMNS = (
    "id",
    "class",
    "state",
    "about",
    "customer_id",
    "license",
    "amount_minor",
    "currency",
    "since",
    "found",
    "closed",
    "closed_by",
    "outcome",
    "evidence",
)
BATCH = 500


def lines(vendor: HasId, kind: str, state: str) -> Iterator[str]:
    """The file batch by batch, each read in a short transaction of its own, so that a slow reader holds none open."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return _lines(app, vendor, kind, state)


def _lines(app: Flask, vendor: HasId, kind: str, state: str) -> Iterator[str]:
    yield line(COLUMNS)
    before: int | None = None
    while True:
        with app.app_context():
            g.read_only = True
            batch = ledger.list_for(vendor, kind=kind, state=state, before=before, limit=BATCH)
            text = "".join(line(_cells(finding)) for finding in batch)
            before = batch[-1].id if batch else None
        if before is None:
            return
        yield text


def _cells(finding: Finding) -> tuple[str, ...]:
    return (
        str(finding.id),
        finding.kind,
        finding.state,
        finding.subject,
        _number(finding.customer_id),
        _number(finding.license_global_id),
        _number(finding.amount_minor),
        finding.currency.upper(),
        finding.since.isoformat(),
        finding.found_at.isoformat(),
        finding.closed_at.isoformat() if finding.closed_at else "",
        finding.closed_by,
        finding.outcome,
        finding.evidence,
    )


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
