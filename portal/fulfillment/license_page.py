"""One license as its customer sees it: state, machines, and the subscriptions that pay it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import Text, and_, bindparam, cast, func, or_, select

from portal.billing.models import Subscription
from portal.billing.told import Facts, Reading, Told, tell
from portal.billing.words import why_blocked
from portal.errors import NotFound
from portal.formatters import masked_key
from portal.fulfillment import card_rows, cards
from portal.fulfillment.models import PaidUnit
from portal.licenses import states
from portal.licenses.models import FEATURES, License, Machine, Product
from portal.prepared import Prepared
from portal.vendors.service import VendorProfile

PAGE = 50


class Shown(NamedTuple):
    """A license with what its page needs of its product. definitions: of the product's features, as JSON."""

    global_id: int
    id: int
    key: str
    created_at: datetime
    expires_at: datetime
    period: int
    block: bool
    trial_activation: bool
    max_no_of_machines: int
    machine_count: int
    product: str
    all_limited: bool
    definitions: str


class ShownMachine(NamedTuple):
    """A machine as the page lists it."""

    number: int
    friendly_name: str
    mid: str
    ip: str
    first_seen_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True)
class LicensePage:
    """What the page shows.

    badges: (text, kind) in order. why: why it is blocked, where that is known. older: machine number to go on before,
    or None.
    """

    license: Shown
    masked: str
    why: str
    badges: list[tuple[str, str]]
    expires: str
    features: str
    subscriptions: list[Told]
    machines: list[ShownMachine]
    older: int | None


_count = (
    select(func.count(Machine.number))
    .where(Machine.vendor_id == License.vendor_id, Machine.global_id == License.global_id)
    .correlate(License)
    .scalar_subquery()
)
_purchases = (
    select(PaidUnit.stripe_id)
    .where(PaidUnit.vendor_id == License.vendor_id, PaidUnit.license_global_id == License.global_id, card_rows.COUNTS)
    .correlate(License)
)
_paying = and_(
    Subscription.vendor_id == License.vendor_id,
    or_(Subscription.license_global_id == License.global_id, Subscription.stripe_id.in_(_purchases)),
    Subscription.customer_id == License.customer_id,
    Subscription.livemode == card_rows.MODE,
)
_LICENSE = Prepared(
    select(
        *(getattr(License, name) for name in Shown._fields[:9]),
        _count.label("machine_count"),
        Product.name,
        Product.all_licenses_time_limited,
        cast(Product.feature_definitions, Text),
        *(card_rows.flag(getattr(License, name)) for name in FEATURES),
        card_rows.BECAUSE,
        *card_rows.FACTS,
    )
    .join(Product, and_(Product.vendor_id == License.vendor_id, Product.id == License.product_id))
    .outerjoin(Subscription, _paying)
    .where(
        License.vendor_id == bindparam("vendor_id"),
        License.global_id == bindparam("global_id"),
        License.customer_id.in_(card_rows.OWN_CUSTOMERS),
    )
    .order_by(Subscription.started_at.desc())
)
_MACHINES = Prepared(
    select(*(getattr(Machine, name) for name in ShownMachine._fields))
    .where(
        Machine.vendor_id == bindparam("vendor_id"),
        Machine.global_id == bindparam("global_id"),
        Machine.number < bindparam("before"),
    )
    .order_by(Machine.number.desc())
    .limit(PAGE + 1)
)
_WIDTH, _BECAUSE = len(Shown._fields), len(Shown._fields) + len(FEATURES)
_END = _BECAUSE + 1


def find(
    vendor: VendorProfile, user_id: int, global_id: int, reading: Reading, before: int | None = None
) -> LicensePage:
    """A license of one of the visitor's customers, in two queries. Raises NotFound for any other."""
    rows = _LICENSE.all(vendor_id=vendor.id, user_id=user_id, global_id=global_id)
    if not rows:
        raise NotFound(_("There is no such license."))
    license = Shown._make(rows[0][:_WIDTH])
    limited_by_feature, is_trial, features = cards.kind_of(license.definitions, rows[0][_WIDTH:_BECAUSE])
    limited = limited_by_feature or license.all_limited or license.period > 0
    is_over = states.is_expired(time_limited=limited, expires_at=license.expires_at, at=reading.now)
    ends = license.expires_at if limited else None
    stored = [Facts._make(row[_END:]) for row in rows if row[_END] is not None]
    works_until = cards.end_of(ends, stored, reading.now)
    why = why_blocked(rows[0][_BECAUSE] or "", reading.locale) if license.block else ""
    told = [tell(facts, reading, license.block, is_over, ends, why) for facts in stored]
    newest = card_rows.NEWEST if before is None else before
    machines = _MACHINES.all(vendor_id=vendor.id, global_id=global_id, before=newest)
    listed = [ShownMachine._make(row) for row in machines[:PAGE]]
    return LicensePage(
        license=license,
        masked=masked_key(license.key),
        why=why,
        badges=_badges(license, told, is_trial or license.trial_activation, is_over, limited, reading),
        expires=reading.days_from_today(works_until) if works_until else reading.words.never,
        features=features,
        subscriptions=sorted(told, key=lambda one: one.is_over),
        machines=listed,
        older=listed[-1].number if len(machines) > PAGE else None,
    )


def _badges(
    license: Shown, told: list[Told], is_trial: bool, is_over: bool, limited: bool, reading: Reading
) -> list[tuple[str, str]]:
    text = reading.words
    flags = (
        (is_trial, text.trial, "w"),
        (any(not one.is_over for one in told), text.subscription, "i"),
        (is_over, text.expired, "d"),
        (license.block, text.blocked, "d"),
        (not limited, text.perpetual, ""),
    )
    return [(name, kind) for holds, name, kind in flags if holds]
