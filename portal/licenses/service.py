"""Products and licenses: make, find, search, hand to a customer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm.attributes import set_committed_value

from portal import clock
from portal.audit import service as audit
from portal.customers.models import Customer
from portal.errors import Invalid, NotFound
from portal.extensions import db
from portal.licenses import keys
from portal.licenses.models import FEATURES, NORMAL, TIME_LIMITED, TRIAL, License, Product
from portal.vendors import service as vendors
from portal.vendors.service import HasId

MAX_PERIOD_DAYS = 36500
MAX_NOTES = 10000
MAX_NUMBER = 2**31 - 1
BY_ID = re.compile(r"id\s*=\s*([0-9]{1,10})", re.IGNORECASE | re.ASCII)
_PRODUCTS = Product.__table__.c
_RAISED = (
    update(Product.__table__)  # type: ignore[arg-type]
    .where(_PRODUCTS.vendor_id == bindparam("of_vendor"), _PRODUCTS.id == bindparam("of_product"))
    .values(last_license_id=_PRODUCTS.last_license_id + 1)
    .returning(_PRODUCTS.last_license_id)
)


def create_product(
    vendor: HasId,
    name: str,
    *,
    description: str = "",
    feature_definitions: dict[str, dict[str, Any]] | None = None,
    all_licenses_time_limited: bool = False,
    block_expired_licenses: bool = False,
) -> Product:
    """A new product. feature_definitions: see `Product`. Raises Invalid."""
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise Invalid(_("Type a name of at most 100 characters."), field="name")
    product = Product(
        vendor_id=vendor.id,
        id=vendors.next_id(vendor, "product"),
        name=name,
        description=description.strip(),
        feature_definitions=_checked_definitions(feature_definitions or {}),
        all_licenses_time_limited=all_licenses_time_limited,
        block_expired_licenses=block_expired_licenses,
    )
    db.session.add(product)
    db.session.flush()
    audit.record(vendor.id, "product.create", f"product:{product.id}", after={"name": name})
    return product


def get_product(vendor: HasId, product_id: int) -> Product:
    """A product of the vendor. Raises NotFound."""
    product = db.session.get(Product, (vendor.id, product_id)) if 0 < product_id <= MAX_NUMBER else None
    if product is None:
        raise NotFound(_("There is no such product."))
    return product


def list_products(vendor: HasId) -> list[Product]:
    """All products of the vendor, by name."""
    return list(
        db.session.scalars(select(Product).where(Product.vendor_id == vendor.id).order_by(Product.name, Product.id))
    )


def create_license(
    vendor: HasId,
    product: Product,
    *,
    customer_id: int | None = None,
    period: int = 0,
    max_no_of_machines: int = 0,
    features: dict[str, bool] | None = None,
    notes: str = "",
    trial_activation: bool = False,
    block: bool = False,
    allowed_machines: str = "",
    key: str | None = None,
    expires_at: datetime | None = None,
) -> License:
    """A new license; it expires `period` days from now, unless `expires_at` says when. key: random unless given.

    period: days; 0 is perpetual unless the product or a feature is time-limited. features: `f1` to `f8`.
    max_no_of_machines: 0 or less means unlimited. Raises Invalid with the field's name.
    """
    _check_values(period, max_no_of_machines, notes, features or {})
    _check_customer(vendor, customer_id)
    now = clock.now()
    license = License(
        vendor_id=vendor.id,
        product_id=product.id,
        id=_next_number(vendor, product),
        key=key or _unused_key(vendor, product),
        global_id=vendors.next_id(vendor, "license"),
        customer_id=customer_id,
        created_at=now,
        expires_at=expires_at or now + timedelta(days=period),
        period=period,
        notes=notes,
        trial_activation=trial_activation,
        block=block,
        max_no_of_machines=max_no_of_machines,
        allowed_machines=allowed_machines,
        **{name: bool(on) for name, on in (features or {}).items()},
    )
    db.session.add(license)
    db.session.flush()
    after = {"product_id": product.id, "id": license.id, "customer_id": customer_id, "period": period}
    audit.record(vendor.id, "license.create", f"license:{license.global_id}", after=after)
    return license


def get(vendor: HasId, global_id: int) -> License:
    """A license of the vendor. Raises NotFound."""
    license = db.session.get(License, (vendor.id, global_id)) if 0 < global_id <= MAX_NUMBER else None
    if license is None:
        raise NotFound(_("There is no such license."))
    return license


def search_licenses(
    vendor: HasId, product: Product, query: str = "", before_global_id: int | None = None, limit: int = 50
) -> list[License]:
    """Licenses of a product, newest first, older than `before_global_id`.

    query: empty for all, `Id=<number within the product>`, or a whole key. Raises Invalid(field="q") for anything else.
    """
    statement = (
        select(License)
        .where(License.vendor_id == vendor.id, License.product_id == product.id)
        .order_by(License.id.desc())  # the product's own numbers have an index, and rise with the GlobalId
        .limit(limit)
    )
    if before_global_id is not None:
        last = select(License.id).where(License.vendor_id == vendor.id, License.global_id == before_global_id)
        statement = statement.where(License.id < last.scalar_subquery())
    text = query.strip()
    if found := BY_ID.fullmatch(text):
        statement = statement.where(License.id == min(int(found[1]), MAX_NUMBER))
    elif keys.is_key(text.upper()):
        statement = statement.where(License.key == text.upper())
    elif text:
        raise Invalid(_("Search for Id=12, or paste a whole license key."), field="q")
    return list(db.session.scalars(statement))


def assign_customer(vendor: HasId, license: License, customer_id: int | None) -> None:
    """Give a license to a customer of the vendor, or to none. Raises Invalid."""
    _check_customer(vendor, customer_id)
    before = {"customer_id": license.customer_id}
    license.customer_id = customer_id
    after = {"customer_id": customer_id}
    audit.record(vendor.id, "license.assign", f"license:{license.global_id}", before=before, after=after)


def _next_number(vendor: HasId, product: Product) -> int:
    # The update locks the product's row, so that numbers and keys of one product are given out one after another.
    number = db.session.scalar(_RAISED, {"of_vendor": vendor.id, "of_product": product.id})
    if number is None:
        raise NotFound(_("There is no such product."))
    set_committed_value(product, "last_license_id", number)
    return int(number)


def _unused_key(vendor: HasId, product: Product) -> str:
    while True:
        key = keys.new_key()
        taken = select(License.global_id).where(
            License.vendor_id == vendor.id, License.product_id == product.id, License.key == key
        )
        if db.session.scalar(taken) is None:
            return key


def _check_values(period: int, max_no_of_machines: int, notes: str, features: dict[str, bool]) -> None:
    if not 0 <= period <= MAX_PERIOD_DAYS:
        raise Invalid(_("Type a number of days from 0 to %(most)s.", most=MAX_PERIOD_DAYS), field="period")
    if not -1 <= max_no_of_machines <= MAX_NUMBER:
        raise Invalid(_("Type a number of machines; 0 is no limit."), field="max_no_of_machines")
    if len(notes) > MAX_NOTES:
        raise Invalid(_("At most %(most)s characters.", most=MAX_NOTES), field="notes")
    wrong = set(features) - set(FEATURES)
    if wrong:
        raise Invalid(_("There is no feature %(name)s.", name=", ".join(sorted(wrong))), field="features")


def _check_customer(vendor: HasId, customer_id: int | None) -> None:
    if customer_id is None:
        return
    if not 0 < customer_id <= MAX_NUMBER or db.session.get(Customer, (vendor.id, customer_id)) is None:
        raise Invalid(_("There is no customer with this id."), field="customer_id")


def _checked_definitions(definitions: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for name, definition in definitions.items():
        if name not in FEATURES or definition.get("type", NORMAL) not in (NORMAL, TIME_LIMITED, TRIAL):
            raise Invalid(_("Features are f1 to f8, of type 0, 1 or 2."), field="feature_definitions")
    return definitions
