"""Events of Stripe that could not be worked off: why, and once more."""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from portal import access, unit_of_work
from portal.audit import service as audit
from portal.console import paging
from portal.reconciliation import troubled
from portal.webhooks import service as webhooks

bp = Blueprint("console_reconciliation_events", __name__)


@bp.get("/Reconciliation/Events")
@access.staff("viewer")
def index() -> str:
    """Given up first-hand, and those that fail and are tried again; newest first."""
    found = troubled.list_for(g.vendor, before=paging.key("before"), limit=paging.LIMIT + 1)
    rows = found[: paging.LIMIT]
    return render_template(
        "console/reconciliation/events.html",
        active="reconciliation",
        rows=rows,
        parked=troubled.count_parked(g.vendor),
        first=paging.address() if "before" in request.args else None,
        older=paging.address(before=rows[-1].id) if len(found) > paging.LIMIT else None,
    )


@bp.post("/Reconciliation/Events/<int:event_id>/Replay")
@access.staff("support")
def replay(event_id: int) -> Response:
    """Put one event back, to be worked off at once."""
    event = webhooks.replay(g.vendor.id, event_id)
    audit.record(g.vendor.id, "event.replay", f"event:{event.event_id}"[:100], after={"type": event.type})
    unit_of_work.commit()
    flash(_("The event is worked off again. Reload this page in a moment."))
    return redirect(url_for(".index"), code=303)


@bp.post("/Reconciliation/Events/Replay")
@access.staff("support")
def replay_all() -> Response:
    """Put every parked event back."""
    count = troubled.replay_parked(g.vendor)
    audit.record(g.vendor.id, "event.replay", f"vendor:{g.vendor.id}", after={"events": count})
    unit_of_work.commit()
    flash(ngettext("%(num)s event is worked off again.", "%(num)s events are worked off again.", count))
    return redirect(url_for(".index"), code=303)
