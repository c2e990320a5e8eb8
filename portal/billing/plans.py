"""What customers can buy: a vendor's prices at Stripe, kept in our own table and read again when something changes.

Pages read the table, so they work while Stripe is down. Everything is per mode: test prices are never sold live.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, delete, func, select, update

from portal import clock
from portal.billing import gateway
from portal.billing.links import number_in
from portal.billing.models import Plan, StripeAccount
from portal.database import insert_into
from portal.errors import Invalid, NotFound
from portal.extensions import db
from portal.licenses import create_key, limits
from portal.licenses.limits import Limits
from portal.outbox import service as outbox
from portal.vendors import service as vendors

SYNC = "billing.sync_plans"
NO_PRODUCT, BAD_PLAN, UNKNOWN_PRODUCT = "no_product", "bad_plan", "unknown_product"
INACTIVE, UNSUPPORTED = "inactive", "unsupported"
TRIAL, MOST_TRIAL_DAYS = "latchkey_trial_days", 730  # Stripe's limit
TOGETHER_SECONDS = 20
INTERVALS = ("day", "week", "month", "year", "")


@dataclass(frozen=True)
class PlanCount:
    """plans: how many prices were read; sold: how many of them customers can buy."""

    plans: int
    sold: int


def queue_sync(vendor_id: int, *, soon: bool = False) -> None:
    """Have the prices read again by a worker: now, or once for all that changes within these seconds."""
    if not soon:
        outbox.queue_job(SYNC, vendor_id=vendor_id)
        return
    turn = clock.unix() // TOGETHER_SECONDS + 1
    at = datetime.fromtimestamp(turn * TOGETHER_SECONDS, UTC)
    outbox.queue_job(SYNC, vendor_id=vendor_id, available_at=at, dedupe_key=f"plans:{vendor_id}:{turn}")


def apply(vendor_id: int, livemode: bool, found: Iterable[gateway.PriceRead], read_at: datetime) -> PlanCount:
    """Write what was read. An older reading never overwrites a newer one; what is no longer listed is inactive."""
    ours = limits.of_products(vendor_id)
    read = [price for price in found if price.livemode is livemode]
    for price in read:
        _keep(vendor_id, price, ours, read_at)
    mine = (Plan.vendor_id == vendor_id, Plan.livemode == livemode, Plan.fetched_at < read_at)
    db.session.execute(update(Plan).where(*mine).values(problem=INACTIVE))
    db.session.flush()
    sold = len(list_sold(vendor_id, livemode))
    vendors.note_sale(vendor_id, sells_plans=sold > 0)
    return PlanCount(len(read), sold)


def forget(vendor_id: int, livemode: bool) -> None:
    """Drop what was read from another Stripe account."""
    db.session.execute(delete(Plan).where(Plan.vendor_id == vendor_id, Plan.livemode == livemode))
    vendors.note_sale(vendor_id, sells_plans=False)


def list_sold(vendor_id: int, livemode: bool | None = None) -> list[Plan]:
    """What can be bought, in the order to show it: by product, then the shortest interval and the lowest price.

    livemode: of the vendor's key, unless it is known.
    """
    mode = _mode(vendor_id).scalar_subquery() if livemode is None else livemode
    mine = select(Plan).where(Plan.vendor_id == vendor_id, Plan.livemode == mode, Plan.problem == "")
    found = db.session.scalars(mine.order_by(Plan.name, Plan.stripe_product_id, Plan.price_id))
    return sorted(found, key=_place)


def get_sold(vendor_id: int, livemode: bool | None, price_id: str) -> Plan:
    """A plan that can be bought. Raises NotFound."""
    found = db.session.get(Plan, (vendor_id, price_id[:255]))
    if found is None or found.livemode is not livemode or found.problem:
        raise NotFound(_("This plan is not sold any more."))
    return found


def mode_of(vendor_id: int) -> bool | None:
    """The mode of the vendor's key: True moves real money, None without a key."""
    return db.session.scalar(_mode(vendor_id))


def _mode(vendor_id: int) -> Select[Any]:
    return select(StripeAccount.livemode).where(StripeAccount.vendor_id == vendor_id, StripeAccount.api_key != "")


def usual_currency(vendor_id: int) -> str:
    """The currency of most prices of a vendor, sold or not; empty where there are none."""
    mine = select(Plan.currency).where(Plan.vendor_id == vendor_id, Plan.currency != "").group_by(Plan.currency)
    return db.session.scalar(mine.order_by(func.count().desc(), Plan.currency).limit(1)) or ""


def by_machines(plan: Plan) -> bool:
    """Whether a plan's quantity counts the machines of one key instead of keys."""
    return create_key.parse(plan.skm).quantity == create_key.MACHINES


def problem_of(price: gateway.PriceRead, products: Mapping[int, Limits]) -> str:
    """Why a price is not sold, or an empty text. products: those of ours that the vendor has, by id.

    A price paid once of a product whose licenses end needs a Period: without one its keys would have ended when made.
    """
    if not price.is_active:
        return INACTIVE
    plan = _plan_in(price)
    number = number_in(price.product_metadata, "skm_product_id") or (plan.product_id if plan else None)
    if not price.product_metadata.get("skm_product_id") and number is None:
        return NO_PRODUCT
    if plan is None or _trial_days(price) is None:
        return BAD_PLAN
    if number is None or number not in products:
        return UNKNOWN_PRODUCT
    if not price.interval and products[number].need_period(plan):
        return BAD_PLAN
    if price.amount_minor is None or price.is_metered or price.interval not in INTERVALS:
        return UNSUPPORTED
    return ""


def _keep(vendor_id: int, price: gateway.PriceRead, products: Mapping[int, Limits], read_at: datetime) -> None:
    plan = _plan_in(price)
    number = number_in(price.product_metadata, "skm_product_id") or (plan.product_id if plan else None)
    values: dict[str, Any] = {
        "livemode": price.livemode,
        "stripe_product_id": price.product_id,
        "product_id": number,
        "name": price.name[:500],
        "nickname": price.nickname[:500],
        "description": price.description,
        "unit_label": price.unit_label[:60],
        "amount_minor": price.amount_minor,
        "currency": price.currency[:3],
        "interval": price.interval[:10],
        "interval_count": price.interval_count,
        "trial_days": _trial_days(price) or 0,
        "skm": price.metadata.get("skm", ""),
        "problem": problem_of(price, products),
        "fetched_at": read_at,
    }
    insert = insert_into(Plan).values(vendor_id=vendor_id, price_id=price.id, **values)
    changed = {name: insert.excluded[name] for name in values}
    newer = Plan.fetched_at <= insert.excluded.fetched_at
    keys = ["vendor_id", "price_id"]
    db.session.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed, where=newer))


def _plan_in(price: gateway.PriceRead) -> create_key.CreateKey | None:
    try:
        return create_key.parse(price.metadata.get("skm", ""))
    except Invalid:
        return None


def _trial_days(price: gateway.PriceRead) -> int | None:
    """Free days of a subscription; None for a text that is no such number."""
    text = price.metadata.get(TRIAL, "").strip()
    if not price.interval or not text:
        return min(price.trial_days, MOST_TRIAL_DAYS) if price.interval else 0
    days = int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None
    return days if days is not None and days <= MOST_TRIAL_DAYS else None


def _place(plan: Plan) -> tuple[Any, ...]:
    length = {"day": 1, "week": 7, "month": 30, "year": 365}.get(plan.interval, 10_000) * plan.interval_count
    return (plan.name.casefold(), plan.stripe_product_id, length, plan.amount_minor or 0, plan.price_id)
