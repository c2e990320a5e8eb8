"""Products and licenses: numbers, keys, limits, search, tenants."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.audit import service as audit
from portal.errors import Invalid, NotFound
from portal.extensions import db
from portal.licenses import keys
from portal.licenses import service as licenses
from portal.licenses.models import License
from portal.vendors.models import Vendor
from tests.factories import make_customer, make_license, make_product


def test_a_license_gets_the_next_numbers_and_a_random_key(app: Flask, acme: Vendor) -> None:
    product = licenses.create_product(acme, "Widget Studio")
    made = [licenses.create_license(acme, product, period=30) for _ in range(3)]

    assert [license.id for license in made] == [1, 2, 3]
    assert [license.global_id for license in made] == [1, 2, 3]
    assert product.last_license_id == 3
    assert len({license.key for license in made}) == 3
    assert all(keys.is_key(license.key) for license in made)
    assert made[0].expires_at == made[0].created_at + timedelta(days=30)


def test_numbers_start_afresh_in_each_product_and_at_each_vendor(app: Flask, acme: Vendor, globex: Vendor) -> None:
    first, second, foreign = make_product(acme), make_product(acme), make_product(globex)

    assert licenses.create_license(acme, first).id == 1
    assert (licenses.create_license(acme, second).id, licenses.create_license(globex, foreign).global_id) == (1, 1)


def test_a_key_that_exists_is_drawn_again(app: Flask, acme: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    taken, free = "AAAAA-AAAAA-AAAAA-AAAAA", "BBBBB-BBBBB-BBBBB-BBBBB"
    product = make_product(acme)
    make_license(acme, product, key=taken)
    drawn = iter([taken, taken, free])
    monkeypatch.setattr(keys, "new_key", lambda: next(drawn))

    assert licenses.create_license(acme, product).key == free


def test_every_field_is_kept(app: Flask, acme: Vendor) -> None:
    customer = make_customer(acme)
    license = licenses.create_license(
        acme,
        make_product(acme),
        customer_id=customer.id,
        period=0,
        max_no_of_machines=5,
        features={"f1": True, "f8": True, "f2": False},
        notes="paid by wire",
        trial_activation=True,
        block=True,
    )
    db.session.commit()
    db.session.expire_all()

    assert (license.f1, license.f2, license.f8) == (True, False, True)
    assert (license.customer_id, license.max_no_of_machines, license.notes) == (customer.id, 5, "paid by wire")
    assert license.trial_activation
    assert license.block
    assert license.expires_at == license.created_at
    entry = audit.list_for(acme)[0]
    assert (entry.action, entry.record) == ("license.create", f"license:{license.global_id}")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"period": -1}, "period"),
        ({"period": 36501}, "period"),
        ({"max_no_of_machines": -2}, "max_no_of_machines"),
        ({"max_no_of_machines": 2**31}, "max_no_of_machines"),
        ({"notes": "x" * 10001}, "notes"),
        ({"customer_id": 99}, "customer_id"),
        ({"customer_id": 2**63}, "customer_id"),
        ({"features": {"f9": True}}, "features"),
    ],
)
def test_a_bad_value_is_refused_with_its_field(app: Flask, acme: Vendor, wrong: dict, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        licenses.create_license(acme, make_product(acme), **wrong)

    assert refusal.value.field == field
    assert db.session.scalar(select(func.count()).select_from(License)) == 0


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_product_needs_a_fitting_name(app: Flask, acme: Vendor, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        licenses.create_product(acme, name)
    assert refusal.value.field == "name"


@pytest.mark.parametrize("definitions", [{"f9": {"name": "x"}}, {"f1": {"type": 3}}])
def test_a_product_refuses_features_there_are_none_of(app: Flask, acme: Vendor, definitions: dict) -> None:
    with pytest.raises(Invalid):
        licenses.create_product(acme, "Widget", feature_definitions=definitions)


def test_records_of_another_vendor_are_not_found(app: Flask, acme: Vendor, globex: Vendor) -> None:
    make_product(acme)
    make_license(acme)
    foreign = make_license(globex, make_product(globex, "Foreign"))

    assert licenses.get(globex, foreign.global_id) is foreign
    assert licenses.get(acme, foreign.global_id) is not foreign
    assert [product.name for product in licenses.list_products(globex)] == ["Foreign"]
    for look_up in (lambda: licenses.get(globex, 2), lambda: licenses.get_product(globex, 2)):
        with pytest.raises(NotFound):
            look_up()


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63])
def test_an_id_that_cannot_be_is_not_found(app: Flask, acme: Vendor, number: int) -> None:
    with pytest.raises(NotFound):
        licenses.get(acme, number)
    with pytest.raises(NotFound):
        licenses.get_product(acme, number)


def test_search_by_number_by_key_and_all(app: Flask, acme: Vendor, globex: Vendor) -> None:
    product = make_product(acme)
    first, second, third = (make_license(acme, product) for _ in range(3))
    make_license(acme, make_product(acme))
    make_license(globex)

    assert licenses.search_licenses(acme, product) == [third, second, first]
    assert licenses.search_licenses(acme, product, " iD = 2 ") == [second]
    assert licenses.search_licenses(acme, product, "Id=9999999999") == []
    assert licenses.search_licenses(acme, product, first.key.lower()) == [first]
    assert licenses.search_licenses(acme, product, limit=2) == [third, second]
    assert licenses.search_licenses(acme, product, before_global_id=second.global_id) == [first]


@pytest.mark.parametrize("query", ["id=", "Id=1 or 1=1", "Id=١", "hello", "'", "%", "Id=1_0"])
def test_a_search_that_means_nothing_is_refused(app: Flask, acme: Vendor, query: str) -> None:
    with pytest.raises(Invalid) as refusal:
        licenses.search_licenses(acme, make_product(acme), query)
    assert refusal.value.field == "q"


def test_a_license_is_handed_to_a_customer_of_the_same_vendor_only(app: Flask, acme: Vendor, globex: Vendor) -> None:
    license, customer = make_license(acme), make_customer(acme)
    make_customer(globex)
    stranger = make_customer(globex)

    licenses.assign_customer(acme, license, customer.id)
    assert license.customer_id == customer.id
    entry = audit.list_for(acme)[0]
    assert (entry.before, entry.after) == ({"customer_id": None}, {"customer_id": customer.id})

    with pytest.raises(Invalid):
        licenses.assign_customer(acme, license, stranger.id)
    licenses.assign_customer(acme, license, None)
    assert license.customer_id is None


def test_a_license_is_made_at_the_clock_of_the_house(app: Flask, acme: Vendor) -> None:
    clock.move(timedelta(days=400))
    license = licenses.create_license(acme, make_product(acme), period=1)
    assert license.expires_at > clock.now() > license.created_at - timedelta(seconds=5)
