"""Read a vendor's prices from Stripe into our table: hourly, after an event, with a new key, and when staff ask."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import select

from portal import clock, unit_of_work
from portal.billing import account, gateway, plans
from portal.billing.models import StripeAccount
from portal.billing.plans import PlanCount
from portal.errors import Conflict
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.service import HasId


def sync_plans(*, vendor_id: int | None) -> None:
    """The job: read the prices of one vendor, or queue it for each. Raises the gateway's errors: it is retried."""
    if vendor_id is None:
        for each in db.session.scalars(select(StripeAccount.vendor_id).where(StripeAccount.api_key != "")):
            plans.queue_sync(each)
        return
    try:
        sync(vendors.get(vendor_id))
    except Conflict:
        return  # the key was removed meanwhile


def sync(vendor: HasId) -> PlanCount:
    """Read the prices; drops the caller's transaction first, the caller commits the result.

    Raises Conflict without a key, and the gateway's errors.
    """
    vendor_id = vendor.id
    unit_of_work.let_go()
    with unit_of_work.reading():
        connection = account.connection_of(vendor)
    if connection is None:
        raise Conflict(_("There is no Stripe key yet."))
    read_at = clock.now()
    found = gateway.list_active_prices(connection)
    return plans.apply(vendor_id, connection.livemode, found, read_at)
