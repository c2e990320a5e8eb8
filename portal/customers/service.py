"""Customers: make, find, change. Every look-up starts from the vendor."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from portal import crypto, email_addresses
from portal.audit import service as audit
from portal.customers.models import Customer
from portal.errors import Invalid, NotFound
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.service import HasId

LIMITS = {"name": 100, "email": 100, "company_name": 100, "notes": 1000}
FLAGS = ("enable_customer_association", "allow_activation_management", "allow_multiple_user_association")
ORIGINS = ("staff", "sign_up", "api", "import", "stripe", "demo")


def create(
    vendor: HasId,
    *,
    name: str,
    email: str = "",
    company_name: str = "",
    notes: str = "",
    origin: str = "staff",
    enable_customer_association: bool = False,
    allow_activation_management: bool = False,
    allow_multiple_user_association: bool = False,
    max_no_of_devices: int = 0,
) -> tuple[Customer, str]:
    """A new customer and its secret (a GUID; only its digest is kept, so show it now).

    origin: one of ORIGINS. Raises Invalid with the field's name.
    """
    if origin not in ORIGINS:
        raise ValueError(f"There is no origin {origin!r}.")
    texts = {"name": name, "email": email, "company_name": company_name, "notes": notes}
    checked = {field: _checked(field, text, origin) for field, text in texts.items()}
    if not any(checked[field] for field in ("name", "email", "company_name")):
        raise Invalid(_("Type a name."), field="name")
    secret = str(uuid.uuid4())
    customer = Customer(
        vendor_id=vendor.id,
        id=vendors.next_id(vendor, "customer"),
        **checked,
        email_key=_email_key(checked["email"]),
        origin=origin,
        secret_digest=crypto.digest(secret),
        enable_customer_association=enable_customer_association,
        allow_activation_management=allow_activation_management,
        allow_multiple_user_association=allow_multiple_user_association,
        max_no_of_devices=max_no_of_devices,
        link_nonce=vendors.new_nonce(),
    )
    db.session.add(customer)
    db.session.flush()
    audit.record(vendor.id, "customer.create", f"customer:{customer.id}", after=_facts(customer))
    return customer, secret


def find(vendor: HasId, customer_id: int) -> Customer | None:
    """The vendor's customer with this id, or None."""
    return db.session.get(Customer, (vendor.id, customer_id))


def get(vendor: HasId, customer_id: int) -> Customer:
    """The vendor's customer with this id. Raises NotFound."""
    customer = find(vendor, customer_id)
    if customer is None:
        raise NotFound(_("There is no such customer."))
    return customer


def list_by_email(vendor: HasId, email_key: str, limit: int = 50) -> list[Customer]:
    """The vendor's customers with this normalized address, oldest first."""
    if not email_key:
        return []
    mine = (Customer.vendor_id == vendor.id) & (Customer.email_key == email_key)
    # `+ 0`: sorted afterwards; SQLite would walk through all customers in this order instead of finding the address.
    return list(db.session.scalars(select(Customer).where(mine).order_by(Customer.id + 0).limit(limit)))


def edit(vendor: HasId, customer: Customer, **fields: Any) -> bool:
    """Change fields of a customer; returns whether anything changed. Raises Invalid with the field's name.

    fields: those of LIMITS and FLAGS. Fields that stay as they are, are not checked again.
    """
    changes = {field: _changed(customer, field, value) for field, value in fields.items()}
    if not any(changes.get(field, getattr(customer, field)) for field in ("name", "email", "company_name")):
        raise Invalid(_("Type a name."), field="name")
    before = _facts(customer)
    for field, value in changes.items():
        setattr(customer, field, value)
    customer.email_key = _email_key(customer.email)
    after = _facts(customer)
    if before == after:
        return False
    audit.record(vendor.id, "customer.edit", f"customer:{customer.id}", before=before, after=after)
    return True


def new_secret(vendor: HasId, customer: Customer) -> str:
    """Replace the customer's secret; the old one stops working. Returns the new GUID, to be shown once."""
    secret = str(uuid.uuid4())
    customer.secret_digest = crypto.digest(secret)
    audit.record(vendor.id, "customer.new_secret", f"customer:{customer.id}")
    return secret


def label(customer: Any) -> str:
    """What to call a customer on a screen: name, else company, else address, else number."""
    return customer.name or customer.company_name or customer.email or f"#{customer.id}"


def labels(customers: Iterable[Any]) -> dict[int, str]:
    """What to call customers that stand side by side, by id: those of one name are told apart."""
    found = list(customers)
    same = Counter(map(label, found))
    return {one.id: label(one) if same[label(one)] == 1 else _apart(one) for one in found}


def _apart(customer: Any) -> str:
    others = [customer.company_name, customer.email, f"#{customer.id}"]
    return f"{label(customer)} ({', '.join(part for part in others if part and part != label(customer))})"


def _checked(field: str, text: str, origin: str) -> str:
    """A field's text, trimmed and found fit. A sign-up's address may be as long as an account's."""
    text = text.strip()
    limit = 320 if (field, origin) == ("email", "sign_up") else LIMITS[field]
    if len(text) > limit:
        raise Invalid(_("Please use at most %(limit)s characters.", limit=limit), field=field)
    if field == "email" and text:
        return email_addresses.read(text).shown
    return text


def _changed(customer: Customer, field: str, value: Any) -> Any:
    if field in FLAGS:
        return bool(value)
    if field not in LIMITS:
        raise ValueError(f"A customer has no field {field!r} to edit.")
    return value.strip() if value.strip() == getattr(customer, field) else _checked(field, value, "staff")


def _email_key(email: str) -> str:
    found = email_addresses.find(email) if email else None
    return found.key if found else email.lower()


def _facts(customer: Customer) -> dict[str, Any]:
    return {field: getattr(customer, field) for field in (*LIMITS, *FLAGS)}
