"""Records for tests: each factory commits, so that requests see them."""

from __future__ import annotations

import itertools
import secrets
from datetime import timedelta
from typing import Any

from portal import clock
from portal.account.models import User
from portal.associate.models import Association
from portal.customers.models import Customer
from portal.data_objects.models import VENDOR, DataObject
from portal.extensions import db
from portal.licenses.models import License, Machine, Product
from portal.staff.models import StaffMember
from portal.vendors import service as vendors
from portal.vendors.models import Vendor

_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"


def _save(*records: Any) -> None:
    db.session.add_all(records)
    db.session.commit()


def make_vendor(domain: str = "", name: str = "Acme", **switches: Any) -> Vendor:
    """A vendor; keyword arguments are switches. Second steps are off unless switched on."""
    vendor = vendors.create(domain or f"vendor{next(_numbers)}.example", name)
    vendor.switches = {"second_step_for_customers": False, "second_step_for_staff": False, **switches}
    _save(vendor)
    return vendor


def make_customer(vendor: Vendor, **fields: Any) -> Customer:
    """A customer with association enabled."""
    number = vendors.next_id(vendor, "customer")
    email = fields.pop("email", f"customer{number}@mail.example")
    values = {"name": f"Customer {number}", "enable_customer_association": True, **fields}
    customer = Customer(
        vendor_id=vendor.id, id=number, email=email, email_key=email.lower(), link_nonce=secrets.token_hex(16), **values
    )
    _save(customer)
    return customer


def make_user(email: str = "", password: str = PASSWORD, **fields: Any) -> User:
    """An account with a confirmed address."""
    from portal.account import passwords

    email = email or f"user{next(_numbers)}@mail.example"
    values = {"name": "Ada Example", "email_confirmed_at": clock.now(), **fields}
    user = User(email=email, email_key=email.lower(), password_hash=passwords.hash_password(password), **values)
    _save(user)
    return user


def make_association(user: User, customer: Customer, **fields: Any) -> Association:
    """Bind a user to a customer."""
    values = {"seat": 1, "origin": "personal", **fields}
    bound = Association(vendor_id=customer.vendor_id, customer_id=customer.id, user_id=user.id, **values)
    _save(bound)
    return bound


def make_customer_user(vendor: Vendor, **fields: Any) -> User:
    """An account bound to a new customer of the vendor."""
    user = make_user(**fields)
    make_association(user, make_customer(vendor, email=user.email))
    return user


def make_staff(vendor: Vendor, role: str = "owner", **fields: Any) -> User:
    """A staff member with an account."""
    user = make_user(**fields)
    _save(StaffMember(vendor_id=vendor.id, user_id=user.id, role=role))
    return user


def make_product(vendor: Vendor, name: str = "Widget Studio", **fields: Any) -> Product:
    """A product."""
    product = Product(vendor_id=vendor.id, id=vendors.next_id(vendor, "product"), name=name, **fields)
    _save(product)
    return product


def make_license(
    vendor: Vendor, product: Product | None = None, customer: Customer | None = None, **fields: Any
) -> License:
    """A license of a year, with a random key."""
    product = product or make_product(vendor)
    product.last_license_id += 1
    letters = "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(20))
    values = {
        "key": "-".join(letters[i : i + 5] for i in range(0, 20, 5)),
        "period": 365,
        "expires_at": clock.now() + timedelta(days=365),
        "max_no_of_machines": 3,
        **fields,
    }
    made = License(
        vendor_id=vendor.id,
        global_id=vendors.next_id(vendor, "license"),
        product_id=product.id,
        id=product.last_license_id,
        customer_id=customer.id if customer else None,
        **values,
    )
    _save(made)
    return made


def make_machine(license: License, mid: str = "", **fields: Any) -> Machine:
    """A machine on which a license was activated."""
    machine = Machine(
        vendor_id=license.vendor_id,
        global_id=license.global_id,
        mid=mid or secrets.token_hex(8),
        ip="192.0.2.7",
        **fields,
    )
    _save(machine)
    return machine


def set_terms(vendor: Vendor, url: str = "https://acme.example/terms", version: int = 1) -> DataObject:
    """The vendor asks for its terms."""
    number = vendors.next_id(vendor, "data_object")
    found = DataObject(
        vendor_id=vendor.id,
        id=number,
        referencer_type=VENDOR,
        name="cryptolens_customtosurl",
        string_value=url,
        int_value=version,
    )
    _save(found)
    return found
