"""Fill an empty installation with the demo's vendor, staff, customers and licenses. Done once; kept afterwards."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from portal import addresses, clock, email_addresses, unit_of_work
from portal.account import passwords
from portal.account import service as accounts
from portal.account.models import User
from portal.associate.models import Association
from portal.customers import service as customers
from portal.customers.models import Customer
from portal.data_objects import service as data_objects
from portal.data_objects.reserved import TERMS_URL
from portal.dev import demo_cast as cast
from portal.extensions import db
from portal.licenses import service as licenses
from portal.licenses.models import License, Machine, Product
from portal.staff import service as staff
from portal.terms import service as terms
from portal.vendors import service as vendors
from portal.vendors.models import Vendor

TERMS_PATH = "/dev/terms"
SWITCHES = {
    "second_step_for_customers": "off",
    "second_step_for_staff": "off",
    "support_email": cast.SUPPORT_EMAIL,
}


def fill() -> None:
    """Make everything, unless the demo's vendor is there already. Commits."""
    with unit_of_work.reading():
        if vendors.find_by_domain(cast.DOMAIN) is not None:
            return
    hashes = [passwords.hash_password(password) for password in (cast.STAFF_PASSWORD, cast.CUSTOMER_PASSWORD)]
    vendor = _make_vendor()
    for email, name, role in (*cast.STAFF, cast.VIEWER):
        staff.add(vendor, _make_user(email, name, hashes[0]), role)
    products = {key: _make_product(vendor, ware) for key, ware in cast.WARES.items()}
    for buyer in cast.BUYERS:
        customer = _make_customer(vendor, buyer)
        for key in buyer.keys:
            _make_license(vendor, products[key.product], customer, key)
    maria = _make_user(cast.CUSTOMER_EMAIL, cast.BUYERS[0].name, hashes[1])
    db.session.add(Association(vendor_id=vendor.id, customer_id=1, user_id=maria.id, seat=1, origin="personal"))
    unit_of_work.commit()


def point_to_this_server() -> None:
    """Let the terms and the website lead to the address the demo runs at today. Commits.

    Terms somebody typed in by hand stay as they are. The printed customer has accepted the demo's own.
    """
    vendor = vendors.get_by_domain(cast.DOMAIN)
    if not vendor.website or vendor.website.startswith("http://"):
        vendor.website = addresses.absolute("/")
    url = addresses.absolute(TERMS_PATH)
    known = data_objects.find_by_name(vendor, TERMS_URL)
    if known is None or (known.string_value != url and known.string_value.endswith(TERMS_PATH)):
        data_objects.set_value(vendor, TERMS_URL, url, 1 if known is None else known.int_value)
        maria = _customer_user()
        if maria is not None:
            version = 1 if known is None else known.int_value
            terms.accept(vendor, maria.id, maria.email, 1, url, version)
    unit_of_work.commit()


@dataclass(frozen=True)
class Paid:
    """A license that a Stripe subscription pays for, and what the cast says of it."""

    customer_id: int
    name: str
    email: str
    global_id: int
    license_id: int
    key: cast.Key


def list_paid(vendor: Vendor) -> list[Paid]:
    """The licenses with a plan, in the order they were made; licenses made later by hand are left alone."""
    made = [(number, buyer, key) for number, buyer in enumerate(cast.BUYERS, start=1) for key in buyer.keys]
    statement = select(License.global_id, License.id).where(License.vendor_id == vendor.id).order_by(License.global_id)
    numbers = db.session.execute(statement.limit(len(made)))
    return [
        Paid(number, buyer.name, buyer.email, global_id, license_id, key)
        for (number, buyer, key), (global_id, license_id) in zip(made, numbers, strict=True)
        if key.plan
    ]


def _customer_user() -> User | None:
    return accounts.find_by_email(email_addresses.read(cast.CUSTOMER_EMAIL).key)


def _make_vendor() -> Vendor:
    vendor = vendors.create(cast.DOMAIN, cast.VENDOR_NAME)
    vendor.description = cast.DESCRIPTION
    vendor.accent_color = cast.ACCENT_COLOR
    vendor.logo_url = "/dev/logo.svg"
    for name, text in SWITCHES.items():
        vendors.set_switch(vendor, name, text)
    return vendor


def _make_user(email: str, name: str, password_hash: str) -> User:
    return accounts.create(email_addresses.read(email), name=name, password_hash=password_hash)


def _make_product(vendor: Vendor, ware: cast.Ware) -> Product:
    features = {f"f{n}": {"name": name, "type": kind} for n, (name, kind) in enumerate(ware.features, start=1)}
    return licenses.create_product(
        vendor,
        ware.name,
        description=ware.description,
        feature_definitions=features,
        all_licenses_time_limited=ware.all_licenses_time_limited,
    )


def _make_customer(vendor: Vendor, buyer: cast.Buyer) -> Customer:
    customer, _secret = customers.create(
        vendor,
        name=buyer.name,
        email=buyer.email,
        company_name=buyer.company,
        notes=buyer.notes,
        origin="demo",
        enable_customer_association=buyer.link != "off",
        allow_activation_management=buyer.manages_machines,
        allow_multiple_user_association=buyer.link == "many",
    )
    oldest = max((key.age for key in buyer.keys), default=3)
    customer.created_at = clock.now() - timedelta(days=oldest)
    if buyer.link == "revoked":
        customer.link_revoked_at = clock.now()
    return customer


def _make_license(vendor: Vendor, product: Product, customer: Customer, key: cast.Key) -> None:
    license = licenses.create_license(
        vendor,
        product,
        customer_id=customer.id,
        period=key.days,
        max_no_of_machines=key.most_machines,
        features=dict.fromkeys(key.on.split(), True),
        notes=key.notes,
        trial_activation=key.trial,
        block=key.block,
    )
    now = clock.now()
    license.created_at = now - timedelta(days=key.age)
    if key.left:
        license.expires_at = now + timedelta(days=key.left)
    for number, (friendly_name, ip) in enumerate(key.machines):
        machine = Machine(
            vendor_id=vendor.id,
            global_id=license.global_id,
            mid=secrets.token_hex(16),
            friendly_name=friendly_name,
            ip=ip,
            first_seen_at=license.created_at + timedelta(days=number),
            last_seen_at=now - timedelta(hours=2 + 30 * number),
        )
        db.session.add(machine)
