"""/Product and /License: products, keys by Id, new licenses, and what staff do with one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.licenses import service as licenses
from portal.licenses.models import License, Product
from portal.vendors.models import Vendor
from tests.factories import make_customer, make_license, make_machine, make_product, make_staff
from tests.support.mailbox import sent_mails
from tests.support.page import Page


def test_a_product_is_made_with_named_features(desk: Page, acme: Vendor) -> None:
    assert "No products yet" in desk.get("/Product").text
    desk.get("/Product/Create").submit(
        {"name": "Widget", "f1_name": "Export", "f3_name": "Trial mode", "f3_type": "2", "block_expired_licenses": "y"}
    ).follow()

    product = licenses.get_product(acme, 1)
    assert product.feature_definitions == {
        "f1": {"name": "Export", "type": 0},
        "f3": {"name": "Trial mode", "type": 2},
    }
    assert product.block_expired_licenses
    assert not product.all_licenses_time_limited
    assert "F1 Export" in desk.text


def test_a_product_needs_a_name(desk: Page) -> None:
    desk.get("/Product/Create").submit({"name": " ", "description": "Kept"}, status=422)
    assert "Type a name" in desk.soup.select_one("#name-e").get_text()
    assert desk.soup.select_one("#description").get_text().strip() == "Kept"
    desk.submit({"name": "x", "f1_type": "9"}, status=422)
    assert not db.session.scalars(select(Product)).all()


def test_only_admins_make_products(page: Page, acme: Vendor) -> None:
    page.sign_in(make_staff(acme, "support"), vendor=acme).get("/Product/Create", status=403)


def test_a_license_is_made_and_shown(desk: Page, acme: Vendor) -> None:
    product = make_product(acme, feature_definitions={"f2": {"name": "Pro", "type": 1}})
    customer = make_customer(acme, name="Ada")
    desk.get(f"/Product/Detail/{product.id}")
    assert "F2 · Pro" in desk.text
    fields = {"customer_id": "1", "period": "30", "max_no_of_machines": "5", "f2": "y", "notes": "By hand"}
    desk.submit(fields, form='form[action$="/License"]').follow()

    license = db.session.scalar(select(License))
    assert (license.customer_id, license.period, license.max_no_of_machines) == (customer.id, 30, 5)
    assert (license.f1, license.f2, license.notes) == (False, True, "By hand")
    assert desk.soup.select_one("#key")["value"] == license.key
    assert desk.soup.select_one('a[href="/Customer/Edit/1"]').get_text() == "Ada"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("period", "-1", "days"),
        ("period", "1_0", "whole number"),
        ("period", "١", "whole number"),
        ("period", "9223372036854775808", "whole number"),
        ("customer_id", "99", "no customer"),
        ("customer_id", "abc", "whole number"),
        ("max_no_of_machines", "-5", "machines"),
        ("notes", "x" * 10_001, "10000"),
    ],
)
def test_a_bad_license_field_is_answered_beside_it(
    desk: Page, acme: Vendor, field: str, value: str, message: str
) -> None:
    product = make_product(acme)
    desk.get(f"/Product/Detail/{product.id}").submit({field: value}, form='form[action$="/License"]', status=422)
    assert message in desk.soup.select_one(f"#{field}-e").get_text()
    assert desk.soup.select_one("details.fold[open]")
    assert not db.session.scalars(select(License)).all()


def test_a_key_is_found_by_its_id_or_itself(desk: Page, acme: Vendor) -> None:
    product = make_product(acme)
    first, second = make_license(acme, product), make_license(acme, product)
    here = f"/Product/Detail/{product.id}"

    for query in (f"Id={second.id}", f" id = {second.id} ", second.key, second.key.lower()):
        desk.get(here, query_string={"q": query})
        assert second.key in desk.html
        assert first.key not in desk.html
    desk.get(f"{here}?q=Id=999")
    assert "No key matches this" in desk.text


def test_a_bad_expression_gets_a_message_beside_the_search(desk: Page, acme: Vendor) -> None:
    product = make_product(acme)
    desk.get(f"/Product/Detail/{product.id}?q=Id==;drop", status=422)
    assert "Id=12" in desk.soup.select_one("#q-e").get_text()
    assert desk.soup.select_one("#q")["value"] == "Id==;drop"


def test_keys_of_another_product_or_vendor_do_not_show(desk: Page, acme: Vendor, globex: Vendor) -> None:
    mine, other = make_product(acme), make_product(acme, name="Other")
    elsewhere = make_license(acme, other)
    foreign = make_license(globex)
    desk.get(f"/Product/Detail/{mine.id}", query_string={"q": elsewhere.key})
    assert "No key matches this" in desk.text
    desk.get(f"/Product/Detail/{mine.id}", query_string={"q": foreign.key})
    assert "No key matches this" in desk.text


def test_keys_page_by_key(desk: Page, acme: Vendor) -> None:
    product = make_product(acme)
    keys = [make_license(acme, product).key for _number in range(52)]
    desk.get(f"/Product/Detail/{product.id}")
    assert len(desk.soup.select("tbody tr")) == 50
    desk.get(desk.soup.select_one("a[rel=next]")["href"])
    assert keys[0] in desk.html
    assert len(desk.soup.select("tbody tr")) == 2


def test_a_hand_made_key_gets_its_customer_and_loses_it_again(desk: Page, acme: Vendor) -> None:
    license = make_license(acme)
    make_customer(acme)
    here = f"/License/{license.global_id}"
    desk.get(here).submit({"customer_id": "1"}, form='form[action$="/Customer"]').follow()
    db.session.expire_all()
    assert licenses.get(acme, license.global_id).customer_id == 1
    desk.submit({"customer_id": ""}, form='form[action$="/Customer"]').follow()
    db.session.expire_all()
    assert licenses.get(acme, license.global_id).customer_id is None


@pytest.mark.parametrize("value", ["999", "x", "-1", "9223372036854775808"])
def test_an_unknown_customer_is_refused_beside_the_field(desk: Page, acme: Vendor, value: str) -> None:
    license = make_license(acme)
    desk.get(f"/License/{license.global_id}").submit(
        {"customer_id": value}, form='form[action$="/Customer"]', status=422
    )
    assert desk.soup.select_one("#customer_id-e").get_text()
    assert desk.soup.select_one("#customer_id")["value"] == value


def test_fields_block_and_expiry_change_with_an_entry_each(desk: Page, acme: Vendor) -> None:
    license = make_license(acme, expires_at=clock.now() - timedelta(days=5))
    here = f"/License/{license.global_id}"
    desk.get(here).submit({"notes": "New", "max_no_of_machines": "9", "f4": "y"}, form="#fields form").follow()
    desk.submit(form='form[action$="/Block"]').follow()
    assert "Blocked" in desk.text
    desk.submit(form='form[action$="/Unblock"]').follow()
    desk.submit({"days": "10"}, form='form[action$="/Extend"]').follow()

    db.session.expire_all()
    license = licenses.get(acme, license.global_id)
    assert (license.notes, license.max_no_of_machines, license.f4, license.block) == ("New", 9, True, False)
    assert timedelta(days=9) < license.expires_at - clock.now() < timedelta(days=11)
    actions = list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["license.edit", "license.block", "license.unblock", "license.extend"]


@pytest.mark.parametrize("days", ["0", "-3", "99999", "", "soon"])
def test_an_extension_that_cannot_be_is_refused(desk: Page, acme: Vendor, days: str) -> None:
    license = make_license(acme)
    desk.get(f"/License/{license.global_id}").submit({"days": days}, form='form[action$="/Extend"]', status=422)
    assert desk.soup.select_one("#days-e")


def test_a_perpetual_license_offers_no_extension(desk: Page, acme: Vendor) -> None:
    license = make_license(acme, period=0)
    desk.get(f"/License/{license.global_id}")
    assert "Perpetual" in desk.text
    assert not desk.soup.select_one('form[action$="/Extend"]')


def test_machines_are_listed(desk: Page, acme: Vendor) -> None:
    license = make_license(acme)
    make_machine(license, mid="machine-code-1", friendly_name="Laptop <of> Ada")
    desk.get(f"/License/{license.global_id}")
    assert "Laptop <of> Ada machine-code-1 192.0.2.7" in desk.text


def test_a_key_is_mailed_again_only_where_there_is_an_address(desk: Page, acme: Vendor) -> None:
    license = make_license(acme)
    desk.get(f"/License/{license.global_id}")
    assert not desk.soup.select_one('form[action$="/Mail"]')
    token = str(desk.soup.select_one("input[name=csrf_token]")["value"])
    desk.post(f"/License/{license.global_id}/Mail", {"csrf_token": token}, status=409)
    assert sent_mails() == []
