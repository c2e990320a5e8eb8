"""Customers: what may be stored, and how they are numbered and found."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.customers import service
from portal.customers.models import Customer
from portal.errors import Invalid, NotFound
from portal.extensions import db
from portal.vendors.models import Vendor


def test_numbers_start_at_one_for_each_vendor(acme: Vendor, globex: Vendor) -> None:
    made = [service.create(vendor, name="Ada")[0] for vendor in (acme, acme, globex)]
    assert [(row.vendor_id == acme.id, row.id) for row in made] == [(True, 1), (True, 2), (False, 1)]


def test_another_vendors_customer_is_not_found(acme: Vendor, globex: Vendor) -> None:
    service.create(acme, name="Ada")
    assert service.find(globex, 1) is None
    with pytest.raises(NotFound):
        service.get(globex, 1)


def test_addresses_are_compared_normalized(acme: Vendor, globex: Vendor) -> None:
    customer, _secret = service.create(acme, name="Ada", email=" Ada@Bücher.example ")
    service.create(globex, name="Other", email="ada@bücher.example")
    assert customer.email == "Ada@bücher.example"
    assert customer.email_key == "ada@xn--bcher-kva.example"
    assert service.list_by_email(acme, customer.email_key) == [customer]
    assert service.list_by_email(acme, "") == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "Ada", "email": "x" * 95 + "@m.example"}, "email"),
        ({"name": "Ada", "email": "ada@"}, "email"),
        ({"name": "Ada", "company_name": "x" * 101}, "company_name"),
        ({"name": "Ada", "notes": "x" * 1001}, "notes"),
    ],
)
def test_limits_are_those_cryptolens_documents(acme: Vendor, fields: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        service.create(acme, **fields)
    assert refused.value.field == field
    assert not db.session.scalars(select(Customer)).all()


def test_a_sign_up_may_bring_a_longer_address_and_edits_leave_it_alone(acme: Vendor) -> None:
    email = "a" * 60 + "@" + "b" * 60 + ".example"
    customer, _secret = service.create(acme, name="Ada", email=email, origin="sign_up")
    assert service.edit(acme, customer, name="Ada L.", email=email)
    assert customer.email == email


def test_an_edit_that_is_refused_leaves_the_record_untouched(acme: Vendor) -> None:
    customer, _secret = service.create(acme, name="Ada", email="ada@mail.example")
    with pytest.raises(Invalid):
        service.edit(acme, customer, name="Other", email="bad")
    with pytest.raises(Invalid):
        service.edit(acme, customer, name="", email="")
    assert (customer.name, customer.email) == ("Ada", "ada@mail.example")


def test_unknown_fields_are_a_mistake_of_the_caller(acme: Vendor) -> None:
    customer, _secret = service.create(acme, name="Ada")
    with pytest.raises(ValueError, match="vendor_id"):
        service.edit(acme, customer, vendor_id=2)


def test_the_secret_is_neither_stored_nor_audited(acme: Vendor) -> None:
    customer, first = service.create(acme, name="Ada")
    second = service.new_secret(acme, customer)
    db.session.flush()
    entries = [(entry.action, entry.before, entry.after) for entry in db.session.scalars(select(AuditEntry))]
    assert [entry[0] for entry in entries] == ["customer.create", "customer.new_secret"]
    for secret in (first, second):
        assert secret not in str(entries) and secret not in customer.secret_digest
