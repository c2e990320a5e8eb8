"""Pages about licenses: the customer's list, and one license with its machines."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request
from flask_babel import gettext as _

from portal import PORTAL, access, addresses
from portal.billing import portal_sessions, steps
from portal.billing.told import reading_for
from portal.current import current_g, current_request
from portal.errors import NotFound
from portal.fulfillment import cards, license_page

bp = Blueprint("licenses", __name__)


@bp.get(f"{PORTAL}/Licenses")
@access.customer
def index() -> str:
    """The visitor's licenses, each with its subscription: at most three queries, whatever their number."""
    here = current_g()
    vendor, before = here.vendor, _before()
    reading = reading_for(vendor)
    found = cards.find(vendor, here.visitor.id, reading, before)
    here.form_targets = portal_sessions.form_targets(vendor)
    return render_template(
        "licenses/index.html",
        active="licenses",
        steps_for=steps.buttons(reading.locale),
        base=addresses.portal_path(vendor),
        groups=found.groups(),
        older=found.older,
        customers={customer.id: customer.name or customer.email for customer in here.customers},
        paged=before is not None,
    )


@bp.get(f"{PORTAL}/Licenses/<int:global_id>")
@access.customer
def show(global_id: int) -> str:
    """One license: every field a customer should see, its machines, its subscription."""
    reading = reading_for(g.vendor)
    g.form_targets = portal_sessions.form_targets(g.vendor)
    return render_template(
        "licenses/show.html",
        active="licenses",
        words=reading.words,
        steps_for=steps.buttons(reading.locale),
        base=addresses.portal_path(g.vendor),
        page=license_page.find(g.vendor, g.visitor.id, global_id, reading, _before()),
        paged="before" in request.args,
    )


def _before() -> int | None:
    """Where an older page begins; a text that is no number is no such page."""
    text = current_request().args.get("before")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(_("There is no such page."))
    return int(text)
