"""Pages about licenses: the customer's list, and one license with its machines."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request
from flask_babel import gettext as _

from portal import PORTAL, access, addresses, clock
from portal.billing import cards, steps
from portal.billing.told import Reading, read_in
from portal.errors import NotFound
from portal.formatters import time_zone
from portal.i18n import page_language

bp = Blueprint("licenses", __name__)


@bp.get(f"{PORTAL}/Licenses")
@access.customer
def index() -> str:
    """The visitor's licenses, each with its subscription: at most three queries, whatever their number."""
    reading = _reading()
    found = cards.find(g.vendor, g.visitor.id, reading, before_id())
    return render_template(
        "licenses/index.html",
        active="licenses",
        words=reading.words,
        steps_for=steps.buttons(reading.locale),
        base=addresses.portal_path(g.vendor),
        groups=found.groups(),
        older=found.older,
        customers={customer.id: customer.name or customer.email for customer in g.customers},
        paged="before" in request.args,
    )


def before_id() -> int | None:
    """Where an older page begins; a text that is no number is no such page."""
    text = request.args.get("before")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(_("There is no such page."))
    return int(text)


def _reading() -> Reading:
    return read_in(page_language(), time_zone(), g.vendor.switches.grace_days, clock.now())
