"""Imports every model, so that mappers and migrations see all tables."""

from __future__ import annotations

from portal import throttle
from portal.account import models as account
from portal.associate import models as associate
from portal.audit import models as audit
from portal.billing import models as billing
from portal.customers import models as customers
from portal.data_objects import models as data_objects
from portal.fulfillment import models as fulfillment
from portal.licenses import models as licenses
from portal.outbox import models as outbox
from portal.reconciliation import models as reconciliation
from portal.staff import models as staff
from portal.terms import models as terms
from portal.vendors import models as vendors
from portal.webhooks import models as webhooks

ALL = (
    account,
    associate,
    audit,
    billing,
    customers,
    data_objects,
    fulfillment,
    licenses,
    outbox,
    reconciliation,
    staff,
    terms,
    throttle,
    vendors,
    webhooks,
)
