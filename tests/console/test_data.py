"""/Data?refType=0: vendor-level data objects, and the one that asks for terms."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.data_objects import service as data_objects
from portal.data_objects.models import LICENSE, DataObject
from portal.extensions import db
from portal.terms import service as terms
from portal.vendors.models import Vendor
from tests.factories import make_staff, set_terms
from tests.support.page import Page

PAGE = "/Data?refType=0"
TERMS = "cryptolens_customtosurl"


def test_a_data_object_is_made_changed_and_deleted(desk: Page, acme: Vendor) -> None:
    assert "No data objects yet" in desk.get(PAGE).text
    desk.submit({"name": "greeting", "string_value": "Hello", "int_value": "-7"}, form="#new form").follow()
    assert "greeting is set" in desk.text

    [made] = data_objects.list_for(acme)
    assert (made.name, made.string_value, made.int_value) == ("greeting", "Hello", -7)
    desk.get(f"/Data/Edit/{made.id}").submit({"string_value": "Bye"}).follow()
    db.session.expire_all()
    assert data_objects.get(acme, made.id).string_value == "Bye"
    desk.submit(form='form[action^="/Data/Delete/"]').follow()
    assert data_objects.list_for(acme) == []
    actions = list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["data_object.create", "data_object.edit", "data_object.delete"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "taken"}, "name"),
        ({"string_value": "x" * 10_001}, "string_value"),
        ({"int_value": "2147483648"}, "int_value"),
        ({"int_value": "1_0"}, "int_value"),
        ({"int_value": "half"}, "int_value"),
        ({"name": TERMS, "string_value": "javascript:alert(1)"}, "string_value"),
        ({"name": TERMS, "string_value": "http://acme.example/terms"}, "string_value"),
        ({"name": TERMS, "string_value": "//acme.example/terms"}, "string_value"),
    ],
)
def test_what_cannot_be_stored_is_refused_beside_its_field(
    desk: Page, acme: Vendor, typed: dict[str, str], field: str
) -> None:
    data_objects.set_value(acme, "taken")
    db.session.commit()
    fields = {"name": "fine", "string_value": "text", "int_value": "1", **typed}
    desk.get(PAGE).submit(fields, form="#new form", status=422)

    assert desk.soup.select_one(f"#{field}-e").get_text()
    assert desk.soup.select_one("[name=string_value]").get_text().removeprefix("\n") == fields["string_value"]
    assert [row.name for row in data_objects.list_for(acme)] == ["taken"]


def test_an_edit_cannot_make_a_bad_terms_address(desk: Page, acme: Vendor) -> None:
    made = set_terms(acme)
    desk.get(f"/Data/Edit/{made.id}").submit({"string_value": "http://acme.example"}, status=422)
    assert "https://" in desk.soup.select_one("#string_value-e").get_text()
    db.session.expire_all()
    assert data_objects.get(acme, made.id).string_value == "https://acme.example/terms"


def test_a_terms_address_asks_and_an_empty_one_does_not(desk: Page, acme: Vendor) -> None:
    desk.get(PAGE)
    desk.submit({"name": TERMS, "string_value": "https://acme.example/tos", "int_value": "3"}, form="#new form")
    assert "Customers are asked now" in desk.follow().text
    assert terms.current(acme).version == 3
    made = data_objects.find_by_name(acme, TERMS)
    desk.get(f"/Data/Edit/{made.id}").submit({"string_value": ""}).follow()
    assert "Customers are not asked now" in desk.text
    db.session.expire_all()
    assert terms.current(acme) is None


def test_changing_only_the_version_moves_the_date_of_change(acme: Vendor) -> None:
    made = set_terms(acme)
    before = made.changed_at
    data_objects.set_value(acme, TERMS, int_value=1)
    assert made.changed_at == before
    data_objects.set_value(acme, TERMS, int_value=2)
    assert made.changed_at > before
    assert made.string_value == "https://acme.example/terms"


def test_objects_of_other_records_and_vendors_are_not_found_here(desk: Page, acme: Vendor, globex: Vendor) -> None:
    foreign = set_terms(globex)
    licensed = DataObject(vendor_id=acme.id, id=77, referencer_type=LICENSE, referencer_id=1, name="usage")
    db.session.add(licensed)
    db.session.commit()

    assert "usage" not in desk.get(PAGE).text
    desk.get("/Data/Edit/77", status=404)
    desk.get(f"/Data/Edit/{foreign.id}", status=404)


@pytest.mark.parametrize(("kind", "status"), [("1", 200), ("2", 200), ("3", 200), ("4", 404), ("x", 404)])
def test_other_kinds_get_a_clear_message(desk: Page, kind: str, status: int) -> None:
    desk.get(f"/Data?refType={kind}", status=status)
    assert desk.soup.select_one('main a[href="/Data?refType=0"]')


def test_support_reads_and_does_not_change(page: Page, acme: Vendor) -> None:
    set_terms(acme)
    page.sign_in(make_staff(acme, "support"), vendor=acme).get(PAGE)
    assert TERMS in page.text
    assert not page.soup.select("main form")
