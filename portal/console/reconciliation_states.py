"""From Stripe's state to the license's, as staff read it."""

from __future__ import annotations

from flask import Blueprint, g, render_template
from flask_babel import gettext as _

from portal import access
from portal.fulfillment import states

bp = Blueprint("console_reconciliation_states", __name__)


@bp.get("/Reconciliation/States")
@access.staff("viewer")
def index() -> str:
    """The whole table, with this vendor's policies."""
    switches = g.vendor.switches
    return render_template(
        "console/reconciliation/states.html",
        active="reconciliation",
        rows=[(status, _in_words(state.effect)) for status, state in states.SUBSCRIPTION_STATES.items()]
        + [(_("anything else"), _in_words(states.LOOK))],
        grace_days=switches.grace_days,
        refund_policy=switches.refund_policy,
        dispute_policy=switches.dispute_policy,
    )


def _in_words(effect: str) -> str:
    return {
        states.WAIT: _("No key: nothing was paid."),
        states.SERVE: _(
            "Made, or extended to the end of what is paid and the days of grace. A block of ours is lifted."
        ),
        states.KEEP: _("Stays as it is, and ends by itself after the days of grace."),
        states.SUSPEND: _("Stays as it is, and is blocked once the days of grace are over."),
        states.END: _("Blocked."),
        states.LOOK: _("Stays as it is, and staff should look."),
    }[effect]
