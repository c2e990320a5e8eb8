"""The record of who did what: list, search, export."""

from __future__ import annotations

import json
from collections.abc import Iterator

from flask import Blueprint, Flask, Response, current_app, g, render_template, request

from portal import access
from portal.audit import service
from portal.audit.models import AuditEntry
from portal.console import paging
from portal.console.csv_lines import line
from portal.vendors.service import VendorProfile

bp = Blueprint("console_audit", __name__)
COLUMNS = ("time", "actor_kind", "actor", "action", "record", "before", "after", "ip")
BATCH = 500


@bp.get("/Audit")
@access.staff("viewer")
def index() -> str:
    """The newest entries, or those that match `q`."""
    typed = request.args.get("q", "").strip()[:200]
    found = service.list_for(g.vendor, text=typed, before_id=paging.key("before"), limit=paging.LIMIT + 1)
    rows = found[: paging.LIMIT]
    return render_template(
        "console/audit/index.html",
        active="audit",
        rows=rows,
        typed=typed,
        first=paging.address(q=typed) if "before" in request.args else None,
        older=paging.address(q=typed, before=rows[-1].id) if len(found) > paging.LIMIT else None,
    )


@bp.get("/Audit/Export")
@access.staff("viewer")
def export() -> Response:
    """The same as CSV, of any length: rows leave as they are read."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    lines = _lines(app, g.vendor, request.args.get("q", "").strip()[:200])
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Response(lines, mimetype="text/csv", headers=headers)


def _lines(app: Flask, vendor: VendorProfile, typed: str) -> Iterator[str]:
    """The file batch by batch, each read in a short transaction of its own, so that a slow reader holds none open."""
    yield line(COLUMNS)
    before: int | None = None
    while True:
        with app.app_context():
            g.read_only = True
            batch = service.list_for(vendor, text=typed, before_id=before, limit=BATCH)
            text = "".join(line(_cells(entry)) for entry in batch)
            before = batch[-1].id if batch else None
        if before is None:
            return
        yield text


def _cells(entry: AuditEntry) -> tuple[str, ...]:
    return (
        entry.at.isoformat(),
        entry.actor_kind,
        entry.actor_label,
        entry.action,
        entry.record,
        json.dumps(entry.before, ensure_ascii=False) if entry.before else "",
        json.dumps(entry.after, ensure_ascii=False) if entry.after else "",
        entry.ip,
    )
