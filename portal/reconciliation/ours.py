"""Our side of many purchases at once: a fixed number of queries for each batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import select

from portal.billing.links import number_in
from portal.billing.models import StripeCustomer, Subscription
from portal.customers.models import Customer
from portal.extensions import db
from portal.formatters import masked_key
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses import states
from portal.licenses.models import License, Product
from portal.reconciliation.naming import CUSTOMER
from portal.reconciliation.pairs import Held, Key, Named

GLOBAL_ID, NUMBER = "skm_key_globalid", "skm_key_id"
MOVED = "moved"  # such a unit stands for another key by now
ON = (License.vendor_id == Product.vendor_id) & (License.product_id == Product.id)
Rows = dict[int, tuple[License, Product]]


def read(vendor_id: int, batch: Sequence[Facts], products: dict[str, tuple[int, ...]]) -> dict[str, Held]:
    """What we hold for each of these purchases. products: which products of ours each of them pays."""
    ids = [facts.stripe_id for facts in batch]
    purchases = _purchases(vendor_id, ids)
    units = _units(vendor_id, ids)
    linked = _linked(vendor_id, ids)
    named = _named(vendor_id, batch, products)
    known = {unit.license_global_id for mine in units.values() for unit in mine} | set(linked.values())
    licenses = _licenses(
        vendor_id, [*known, *(number for texts in named.values() for *_text, number in texts if number)]
    )
    paid = _payers(vendor_id, list(licenses))
    numbers, counterparts = _customers(vendor_id, batch), _counterparts(vendor_id, batch)
    found = {}
    for facts in batch:
        purchase, mine = purchases.get(facts.stripe_id), units.get(facts.stripe_id, [])
        found[facts.stripe_id] = Held(
            state=purchase.state if purchase else "",
            reason=purchase.reason if purchase else "",
            customer_id=purchase.customer_id if purchase else None,
            meant=_meant(facts, numbers, counterparts),
            fetched_at=purchase.fetched_at if purchase else None,
            amount_minor=purchase.amount_minor if purchase else None,
            currency=purchase.currency if purchase else "",
            keys=tuple(_key(licenses[unit.license_global_id], facts.stripe_id, paid, unit) for unit in mine),
            linked=_find(licenses, linked.get(facts.stripe_id), facts.stripe_id, paid),
            named=tuple(
                Named(name, text, _find(licenses, number, facts.stripe_id, paid))
                for name, text, number in named.get(facts.stripe_id, [])
            ),
            customers=numbers,
        )
    return found


def _purchases(vendor_id: int, ids: Sequence[str]) -> dict[str, Purchase]:
    mine = select(Purchase).where(Purchase.vendor_id == vendor_id, Purchase.stripe_id.in_(ids))
    return {purchase.stripe_id: purchase for purchase in db.session.scalars(mine)}


def _units(vendor_id: int, ids: Sequence[str]) -> dict[str, list[PaidUnit]]:
    mine = select(PaidUnit).where(
        PaidUnit.vendor_id == vendor_id, PaidUnit.stripe_id.in_(ids), PaidUnit.blocked_because != MOVED
    )
    found: dict[str, list[PaidUnit]] = defaultdict(list)
    for unit in db.session.scalars(mine.order_by(PaidUnit.id)):
        found[unit.stripe_id].append(unit)
    return found


def _linked(vendor_id: int, ids: Sequence[str]) -> dict[str, int]:
    mine = select(Subscription.stripe_id, Subscription.license_global_id).where(
        Subscription.vendor_id == vendor_id,
        Subscription.stripe_id.in_(ids),
        Subscription.license_global_id.is_not(None),
    )
    return {stripe_id: global_id for stripe_id, global_id in db.session.execute(mine) if global_id}


def _named(
    vendor_id: int, batch: Sequence[Facts], products: dict[str, tuple[int, ...]]
) -> dict[str, list[tuple[str, str, int | None]]]:
    """By purchase: name and text of what stands in the metadata, and the GlobalId it leads to or should lead to."""
    found: dict[str, list[tuple[str, str, int | None]]] = {}
    numbers = {number for facts in batch if (number := number_in(facts.metadata, NUMBER))}
    by_number = {}
    if numbers:
        columns = select(License.product_id, License.id, License.global_id)
        rows = db.session.execute(columns.where(License.vendor_id == vendor_id, License.id.in_(numbers)))
        by_number = {(product_id, number): global_id for product_id, number, global_id in rows}
    for facts in batch:
        for name in (GLOBAL_ID, NUMBER):
            text = facts.metadata.get(name, "").strip()
            if not text:
                continue
            number = number_in(facts.metadata, name)
            if name == NUMBER:
                places = [(product, number) for product in products.get(facts.stripe_id, ())]
                number = next((by_number[place] for place in places if place in by_number), None)
            found.setdefault(facts.stripe_id, []).append((name, text[:100], number))
    return found


def _licenses(vendor_id: int, ids: Iterable[int]) -> Rows:
    wanted = sorted(set(ids))
    rows = select(License, Product).join(Product, ON)
    mine = rows.where(License.vendor_id == vendor_id, License.global_id.in_(wanted)) if wanted else None
    return {row[0].global_id: (row[0], row[1]) for row in db.session.execute(mine)} if mine is not None else {}


def _payers(vendor_id: int, global_ids: Sequence[int]) -> dict[int, set[str]]:
    """By license: every purchase that pays it now."""
    found: dict[int, set[str]] = defaultdict(set)
    if not global_ids:
        return found
    units = select(PaidUnit.license_global_id, PaidUnit.stripe_id).where(
        PaidUnit.vendor_id == vendor_id, PaidUnit.license_global_id.in_(global_ids), PaidUnit.blocked_because == ""
    )
    running = select(Subscription.license_global_id, Subscription.stripe_id).where(
        Subscription.vendor_id == vendor_id,
        Subscription.license_global_id.in_(global_ids),
        Subscription.status.in_(("active", "trialing", "past_due")),
    )
    for statement in (units, running):
        for global_id, stripe_id in db.session.execute(statement):
            found[int(global_id or 0)].add(stripe_id)
    return found


def _customers(vendor_id: int, batch: Sequence[Facts]) -> frozenset[int]:
    named = {number for facts in batch for number in _numbers(facts)}
    mine = select(Customer.id).where(Customer.vendor_id == vendor_id, Customer.id.in_(named))
    return frozenset(db.session.scalars(mine)) if named else frozenset()


def _counterparts(vendor_id: int, batch: Sequence[Facts]) -> dict[str, int]:
    ids = {facts.stripe_customer_id for facts in batch if facts.stripe_customer_id}
    mine = select(StripeCustomer.stripe_id, StripeCustomer.customer_id).where(
        StripeCustomer.vendor_id == vendor_id, StripeCustomer.stripe_id.in_(ids)
    )
    return {str(stripe_id): customer_id for stripe_id, customer_id in db.session.execute(mine)}


def _numbers(facts: Facts) -> list[int]:
    found = (number_in(facts.metadata, CUSTOMER), number_in(facts.customer_metadata, CUSTOMER))
    return [number for number in found if number]


def _meant(facts: Facts, numbers: frozenset[int], counterparts: dict[str, int]) -> int | None:
    """Whose it would be: by its own metadata, by our record of the payer, by the payer's metadata."""
    own, of_customer = number_in(facts.metadata, CUSTOMER), number_in(facts.customer_metadata, CUSTOMER)
    if own in numbers:
        return own
    return counterparts.get(facts.stripe_customer_id) or (of_customer if of_customer in numbers else None)


def _find(licenses: Rows, global_id: int | None, stripe_id: str, paid: dict[int, set[str]]) -> Key | None:
    row = licenses.get(global_id) if global_id else None
    return _key(row, stripe_id, paid) if row else None


def _key(row: tuple[License, Product], stripe_id: str, paid: dict[int, set[str]], unit: PaidUnit | None = None) -> Key:
    license, product = row
    return Key(
        global_id=license.global_id,
        number=license.id,
        product_id=license.product_id,
        customer_id=license.customer_id,
        shown=masked_key(license.key),
        expires_at=license.expires_at,
        is_limited=states.is_time_limited(
            product.feature_definitions,
            license.active_features,
            all_limited=product.all_licenses_time_limited,
            period=license.period,
        ),
        is_blocked=license.block,
        machines=license.max_no_of_machines,
        source=unit.source if unit else "",
        ordinal=unit.ordinal if unit else 0,
        blocked_because=unit.blocked_because if unit else "",
        is_paid_elsewhere=bool(paid.get(license.global_id, set()) - {stripe_id}),
    )
