"""Our side as plain values before and after a repair: what changed is what a dry run shows, word for word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from portal.customers import service as customers
from portal.customers.models import Customer
from portal.extensions import db
from portal.formatters import day, masked_key, moment
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses import desk
from portal.licenses.models import License, Product
from portal.outbox.models import OutboxItem
from portal.reconciliation.words import of_purchase


@dataclass(frozen=True)
class LicenseThen:
    """A license at one moment."""

    shown: str
    product: str
    customer_id: int | None
    expires_at: datetime
    is_blocked: bool
    machines: int
    is_limited: bool


@dataclass(frozen=True)
class Snapshot:
    """What a repair may change: licenses by GlobalId, purchases by id, and the newest queued mail."""

    licenses: dict[int, LicenseThen]
    purchases: dict[str, tuple[str, int | None]]
    newest_mail: int


@dataclass(frozen=True)
class Change:
    """One line of a dry run. takes_away: a customer loses something by it."""

    text: str
    takes_away: bool = False


def take(vendor_id: int, stripe_ids: Iterable[str], global_ids: Iterable[int]) -> Snapshot:
    """How things are now, in the running transaction."""
    purchases = list(stripe_ids)
    of_units = select(PaidUnit.license_global_id).where(
        PaidUnit.vendor_id == vendor_id, PaidUnit.stripe_id.in_(purchases)
    )
    wanted = License.global_id.in_(of_units) | License.global_id.in_(list(global_ids))
    rows = db.session.execute(
        select(License, Product)
        .join(Product, (Product.vendor_id == License.vendor_id) & (Product.id == License.product_id))
        .where(License.vendor_id == vendor_id, wanted)
    )
    bought = select(Purchase.stripe_id, Purchase.state, Purchase.customer_id).where(
        Purchase.vendor_id == vendor_id, Purchase.stripe_id.in_(purchases)
    )
    newest = select(func.max(OutboxItem.id)).where(OutboxItem.vendor_id == vendor_id)
    return Snapshot(
        licenses={license.global_id: _then(license, product) for license, product in rows},
        purchases={stripe_id: (state, customer_id) for stripe_id, state, customer_id in db.session.execute(bought)},
        newest_mail=db.session.scalar(newest) or 0,
    )


def _then(license: License, product: Product) -> LicenseThen:
    return LicenseThen(
        masked_key(license.key),
        product.name,
        license.customer_id,
        license.expires_at,
        license.block,
        license.max_no_of_machines,
        desk.is_time_limited(license, product),
    )


def changes(vendor_id: int, before: Snapshot, after: Snapshot) -> list[Change]:
    """What is different afterwards, in words."""
    found: list[Change] = []
    for global_id, now in sorted(after.licenses.items()):
        then = before.licenses.get(global_id)
        whose = _customer(vendor_id, now.customer_id)
        found += _made(now, whose) if then is None else _changed(then, now, whose)
    for stripe_id, (state, customer_id) in sorted(after.purchases.items()):
        old_state, old_customer = before.purchases.get(stripe_id, ("", None))
        if customer_id != old_customer:
            whose = _customer(vendor_id, customer_id)
            found.append(Change(_("%(purchase)s belongs to customer %(whose)s.", purchase=stripe_id, whose=whose)))
        if state != old_state:
            found.append(Change(_("%(purchase)s is now: %(state)s.", purchase=stripe_id, state=of_purchase(state))))
    return found + _mails(vendor_id, before.newest_mail)


def _customer(vendor_id: int, customer_id: int | None) -> str:
    """Number and name, such as *#14, Ada Lovelace*."""
    found = db.session.get(Customer, (vendor_id, customer_id)) if customer_id else None
    label = customers.label(found) if found else ""
    return f"#{customer_id}, {label}" if label and label != f"#{customer_id}" else f"#{customer_id or '–'}"


def _made(now: LicenseThen, whose: str) -> list[Change]:
    made = _("A key of %(product)s is there for customer %(whose)s: %(key)s.", **_of(now, whose=whose))
    if not now.is_limited:
        return [Change(made)]
    return [Change(made), Change(_("%(key)s works until %(end)s.", **_of(now, end=day(now.expires_at))))]


def _changed(then: LicenseThen, now: LicenseThen, whose: str) -> list[Change]:
    found: list[Change] = []
    if then.is_blocked != now.is_blocked:
        text = _("%(key)s of %(product)s is blocked.", **_of(now)) if now.is_blocked else _unblocked(now)
        found.append(Change(text, takes_away=now.is_blocked))
    if then.expires_at != now.expires_at:
        ends = {"old": moment(then.expires_at), "end": moment(now.expires_at)}
        text = _("%(key)s of %(product)s ends on %(end)s instead of %(old)s.", **_of(now, **ends))
        found.append(Change(text, takes_away=now.expires_at < then.expires_at))
    if then.customer_id != now.customer_id:
        text = _("%(key)s of %(product)s belongs to customer %(whose)s.", **_of(now, whose=whose))
        found.append(Change(text, takes_away=then.customer_id is not None))
    if then.machines != now.machines:
        text = _("%(key)s of %(product)s allows %(count)s machines.", **_of(now, count=now.machines))
        found.append(Change(text, takes_away=0 < now.machines < then.machines or then.machines <= 0))
    return found


def _unblocked(now: LicenseThen) -> str:
    return _("%(key)s of %(product)s works again.", **_of(now))


def _of(now: LicenseThen, **more: Any) -> dict[str, Any]:
    return {"key": now.shown, "product": now.product, **more}


def _mails(vendor_id: int, after: int) -> list[Change]:
    queued = select(OutboxItem.recipient).where(
        OutboxItem.vendor_id == vendor_id, OutboxItem.kind == "mail", OutboxItem.id > after
    )
    addresses = dict.fromkeys(db.session.scalars(queued.order_by(OutboxItem.id)))
    return [Change(_("A mail tells %(address)s.", address=address)) for address in addresses]
