"""One license as its customer sees it: state, machines, and the subscriptions that pay it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from sqlalchemy import and_, func, select

from portal.billing.models import StripeAccount, Subscription
from portal.billing.overview import expired, facts_of
from portal.billing.told import Reading, Told, tell
from portal.errors import NotFound
from portal.extensions import db
from portal.formatters import masked_key
from portal.licenses import states
from portal.licenses.models import License, Machine, Product
from portal.vendors.service import HasId

PAGE = 50


@dataclass(frozen=True)
class LicensePage:
    """What the page shows. badges: (text, kind) in order. older: machine number to go on before, or None."""

    license: License
    product: Product
    masked: str
    badges: list[tuple[str, str]]
    expires: str
    features: list[str]
    subscriptions: list[Told]
    machines: list[Machine]
    machine_count: int
    older: int | None


def find(
    vendor: HasId, customer_ids: Sequence[int], global_id: int, reading: Reading, before: int | None = None
) -> LicensePage:
    """A license of one of these customers, in two queries. Raises NotFound for any other."""
    rows = _rows(vendor, customer_ids, global_id)
    if not rows:
        raise NotFound(_("There is no such license."))
    license, product, machine_count, _first = rows[0]
    is_over = expired(license, product, reading)
    limited = states.is_time_limited(
        product.feature_definitions,
        license.active_features,
        all_limited=product.all_licenses_time_limited,
        period=license.period,
    )
    ends = license.expires_at if limited else None
    told = [tell(facts_of(row[3]), reading, license.block, is_over, ends) for row in rows if row[3] is not None]
    machines = _machines(license, before)
    return LicensePage(
        license=license,
        product=product,
        masked=masked_key(license.key),
        badges=_badges(license, product, told, is_over, limited, reading),
        expires=reading.days_from_today(license.expires_at) if limited else reading.words.never,
        features=states.feature_names(product.feature_definitions, license.active_features),
        subscriptions=sorted(told, key=lambda one: one.is_over),
        machines=machines[:PAGE],
        machine_count=machine_count,
        older=machines[PAGE - 1].number if len(machines) > PAGE else None,
    )


def _rows(vendor: HasId, customer_ids: Sequence[int], global_id: int) -> list[tuple]:
    count = (
        select(func.count(Machine.number))
        .where(Machine.vendor_id == License.vendor_id, Machine.global_id == License.global_id)
        .correlate(License)
        .scalar_subquery()
    )
    mode = select(StripeAccount.livemode).where(StripeAccount.vendor_id == vendor.id).scalar_subquery()
    paying = and_(
        Subscription.vendor_id == License.vendor_id,
        Subscription.license_global_id == License.global_id,
        Subscription.customer_id == License.customer_id,
        Subscription.livemode == mode,
    )
    statement = (
        select(License, Product, count, Subscription)
        .join(Product, and_(Product.vendor_id == License.vendor_id, Product.id == License.product_id))
        .outerjoin(Subscription, paying)
        .where(License.vendor_id == vendor.id, License.global_id == global_id, License.customer_id.in_(customer_ids))
        .order_by(Subscription.started_at.desc())
    )
    return [tuple(row) for row in db.session.execute(statement)]


def _machines(license: License, before: int | None) -> list[Machine]:
    statement = select(Machine).where(Machine.vendor_id == license.vendor_id, Machine.global_id == license.global_id)
    if before is not None:
        statement = statement.where(Machine.number < before)
    return list(db.session.scalars(statement.order_by(Machine.number.desc()).limit(PAGE + 1)))


def _badges(
    license: License, product: Product, told: list[Told], is_over: bool, limited: bool, reading: Reading
) -> list[tuple[str, str]]:
    text, active = reading.words, license.active_features
    trial = states.is_trial(product.feature_definitions, active, trial_activation=license.trial_activation)
    flags = (
        (trial, text.trial, "w"),
        (any(not one.is_over for one in told), text.subscription, "i"),
        (is_over, text.expired, "d"),
        (license.block, text.blocked, "d"),
        (not limited, text.perpetual, ""),
    )
    return [(name, kind) for holds, name, kind in flags if holds]
