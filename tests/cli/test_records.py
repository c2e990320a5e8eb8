"""`latchkey customers`, `products`, `licenses` and `data`: the names and keys others rely on."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import select

from portal import crypto
from portal.customers import service as customers
from portal.data_objects import service as data_objects
from portal.extensions import db
from portal.licenses import service as licenses
from portal.licenses.models import License
from portal.vendors.models import Vendor
from tests.cli.conftest import Latchkey
from tests.factories import make_customer, make_license, make_product

AT_ACME = ("--vendor", "acme.example")


def test_customers_add_shows_the_secret_once_and_no_link_unless_enabled(latchkey: Latchkey, acme: Vendor) -> None:
    facts = latchkey.facts("customers", "add", *AT_ACME, "--name", "Ada")

    customer = customers.get(acme, facts["id"])
    assert facts["portal_link"] is None
    assert str(uuid.UUID(facts["secret"])) == facts["secret"]
    assert customer.secret_digest == crypto.digest(facts["secret"])


def test_customers_add_takes_every_field(latchkey: Latchkey, acme: Vendor) -> None:
    facts = latchkey.facts(
        "customers", "add", *AT_ACME, "--name", "Ada", "--email", "ada@mail.example", "--company", "Engines",
        "--enable-association", "--allow-activation-management", "--allow-multiple-user-association",
    )  # fmt: skip

    customer = customers.get(acme, facts["id"])
    assert facts["portal_link"].startswith(f"http://localhost/Portal/@acme.example/Associate?id={customer.id}&auth=")
    assert (customer.name, customer.email, customer.company_name) == ("Ada", "ada@mail.example", "Engines")
    assert customer.enable_customer_association
    assert customer.allow_activation_management
    assert customer.allow_multiple_user_association


def test_customers_add_refuses_a_bad_address(latchkey: Latchkey, acme: Vendor) -> None:
    assert "e-mail" in latchkey.refusal("customers", "add", *AT_ACME, "--name", "Ada", "--email", "ada")
    assert customers.find(acme, 1) is None


def test_products_add(latchkey: Latchkey, acme: Vendor) -> None:
    facts = latchkey.facts("products", "add", *AT_ACME, "--name", "Widget")

    assert facts == {"id": facts["id"], "name": "Widget"}
    assert licenses.get_product(acme, facts["id"]).name == "Widget"


def test_licenses_create_takes_every_field(latchkey: Latchkey, acme: Vendor) -> None:
    product, customer = make_product(acme), make_customer(acme)
    facts = latchkey.facts(
        "licenses", "create", *AT_ACME, "--product", product.id, "--customer", customer.id, "--period", 30,
        "--max-machines", 5, "--f1", "--f8", "--trial-activation", "--notes", "By hand",
    )  # fmt: skip

    license = licenses.get(acme, facts["global_id"])
    assert (facts["id"], facts["key"], facts["expires"]) == (license.id, license.key, license.expires_at.isoformat())
    assert (license.f1, license.f2, license.f8) == (True, False, True)
    assert (license.period, license.max_no_of_machines, license.trial_activation) == (30, 5, True)
    assert (license.customer_id, license.notes) == (customer.id, "By hand")


def test_licenses_assign_gives_a_key_to_a_customer(latchkey: Latchkey, acme: Vendor) -> None:
    license, customer = make_license(acme), make_customer(acme)
    facts = latchkey.facts("licenses", "assign", *AT_ACME, "--license", license.global_id, "--customer", customer.id)

    assert facts == {"global_id": license.global_id, "customer_id": customer.id}
    assert licenses.get(acme, license.global_id).customer_id == customer.id


def test_another_vendors_records_are_not_found(latchkey: Latchkey, acme: Vendor, globex: Vendor) -> None:
    foreign = make_customer(globex)
    license = make_license(acme)
    assign = ("licenses", "assign", *AT_ACME, "--license", license.global_id, "--customer", foreign.id)

    assert "no customer" in latchkey.refusal(*assign)
    assert "no such license" in latchkey.refusal(
        "licenses", "assign", "--vendor", "globex.example", "--license", license.global_id, "--customer", foreign.id
    )
    assert "no such product" in latchkey.refusal("licenses", "create", *AT_ACME, "--product", 999)
    assert [row.customer_id for row in db.session.scalars(select(License))] == [None]


def test_data_set_makes_and_changes_a_data_object(latchkey: Latchkey, acme: Vendor) -> None:
    command = ("data", "set", *AT_ACME, "--name", "cryptolens_customtosurl")
    made = latchkey.facts(*command, "--string-value", "https://acme.example/terms", "--int-value", 1)
    changed = latchkey.facts(*command, "--int-value", 2)

    assert changed == {
        "id": made["id"],
        "name": "cryptolens_customtosurl",
        "string_value": "https://acme.example/terms",
        "int_value": 2,
    }


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://acme.example/terms", "/terms", "acme.example"])
def test_data_set_refuses_a_terms_address_that_is_not_safe(latchkey: Latchkey, acme: Vendor, url: str) -> None:
    message = latchkey.refusal("data", "set", *AT_ACME, "--name", "cryptolens_customtosurl", "--string-value", url)

    assert "https://" in message
    assert data_objects.list_for(acme) == []
