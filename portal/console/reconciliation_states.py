"""From Stripe's state to the license's, as staff read it."""

from __future__ import annotations

from flask import Blueprint, g, render_template

from portal import access
from portal.console import license_life

bp = Blueprint("console_reconciliation_states", __name__)


@bp.get("/Reconciliation/States")
@access.staff("viewer")
def index() -> str:
    """The whole table, and the life of a subscription, with this vendor's policies."""
    switches = g.vendor.switches
    return render_template(
        "console/reconciliation/states.html",
        active="reconciliation",
        groups=license_life.groups(switches),
        life=license_life.life(switches),
        grace_days=switches.grace_days,
        refund_policy=switches.refund_policy,
        dispute_policy=switches.dispute_policy,
    )
