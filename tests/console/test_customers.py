"""/Customer: list, search, create, edit, and what each role may do."""

from __future__ import annotations

import re
import uuid

import pytest
from sqlalchemy import select

from portal import crypto
from portal.associate.models import AccessRequest, Association
from portal.audit.models import AuditEntry
from portal.customers import service as customers
from portal.customers.models import Customer
from portal.extensions import db
from portal.fulfillment import references
from portal.terms import service as terms
from portal.vendors.models import Vendor
from tests.factories import (
    make_association,
    make_customer,
    make_license,
    make_product,
    make_staff,
    make_user,
    set_terms,
)
from tests.support.page import Page

FIELDS = {"name": "Ada Lovelace", "email": "Ada@Mail.Example", "company_name": "Engines", "notes": "First\r\nsecond"}


def test_an_empty_list_says_what_to_do_next(desk: Page) -> None:
    desk.get("/Customer")
    assert "No customers yet" in desk.text
    assert desk.soup.select_one('main a[href="/Customer/Create"]')
    assert desk.soup.select_one('main a[href="/Customer/SignUpLink"]')


def test_the_list_pages_by_key_and_keeps_the_search(desk: Page, acme: Vendor) -> None:
    for number in range(1, 53):
        make_customer(acme, name=f"Larsson {number}")

    desk.get("/Customer?q=larsson")
    assert len(desk.soup.select("tbody tr")) == 50
    desk.get(desk.soup.select_one("a[rel=next]")["href"])
    assert [row.get_text() for row in desk.soup.select("tbody th")] == ["Larsson 2", "Larsson 1"]
    desk.get(desk.soup.select_one("a[rel=prev]")["href"])
    assert desk.soup.select_one("tbody th").get_text() == "Larsson 52"
    assert desk.soup.select_one("input[name=q]")["value"] == "larsson"


@pytest.mark.parametrize("wrong", ["before=x", "before=-1", "after=٣", "before=99999999999", "before=1_0"])
def test_a_key_that_is_no_number_is_no_page(desk: Page, wrong: str) -> None:
    desk.get(f"/Customer?{wrong}", status=404)


def test_nothing_found_says_what_can_be_typed(desk: Page, acme: Vendor) -> None:
    make_customer(acme)
    desk.get("/Customer?q=nobody-at-all")
    assert "Nobody matches this" in desk.text


def test_create_makes_a_customer_and_shows_its_secret_once(desk: Page, acme: Vendor) -> None:
    desk.get("/Customer/Create").submit({**FIELDS, "enable_customer_association": "y"}).follow()

    customer = customers.get(acme, 1)
    assert (customer.name, customer.email, customer.email_key) == (
        "Ada Lovelace",
        "Ada@mail.example",
        "ada@mail.example",
    )
    assert customer.enable_customer_association
    assert not customer.allow_activation_management
    secret = str(desk.soup.select_one("#secret")["value"])
    assert uuid.UUID(secret) and customer.secret_digest == crypto.digest(secret)
    desk.get("/Customer/Edit/1")
    assert secret not in desk.html
    assert secret not in str(db.session.scalars(select(AuditEntry)).all())


def test_a_secret_on_its_way_to_the_page_is_sealed(desk: Page) -> None:
    desk.get("/Customer/Create").submit(FIELDS)
    cookie = desk.client.get_cookie("latchkey-page").value
    desk.follow()
    secret = str(desk.soup.select_one("#secret")["value"])

    import base64

    assert secret not in str(base64.urlsafe_b64decode(cookie.lstrip(".").split(".")[0] + "==="))


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"name": ""}, "Type a name"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "two\nlines"}, "one line"),
        ({"email": "not an address"}, "not an e-mail address"),
        ({"email": "a" * 90 + "@mail.example"}, "at most 100 characters"),
        ({"company_name": "x" * 101}, "at most 100 characters"),
        ({"notes": "x" * 1001}, "at most 1000 characters"),
    ],
)
def test_bad_input_is_answered_beside_the_field_and_kept(desk: Page, typed: dict[str, str], message: str) -> None:
    desk.get("/Customer/Create").submit({**FIELDS, **typed}, status=422)

    [name] = typed
    error = desk.soup.select_one(f"#{name}-e")
    assert message in error.get_text()
    shown = desk.soup.select_one(f"[name={name}]")
    value = shown.get("value") if shown.name == "input" else shown.get_text().removeprefix("\n")
    assert value == typed[name]
    assert desk.soup.select_one("[name=company_name]")["value"] == typed.get("company_name", "Engines")
    assert not db.session.scalars(select(Customer)).all()


def test_the_reference_for_payment_links_is_for_who_may_share_links(desk: Page, acme: Vendor) -> None:
    customer = make_customer(acme)
    expected = references.reference_of(acme.id, customer.id)
    desk.get(f"/Customer/Edit/{customer.id}")
    shown = desk.soup.select_one("#reference")
    assert shown is not None and shown["value"] == expected

    desk.sign_in(make_staff(acme, "viewer"), vendor=acme)
    desk.get(f"/Customer/Edit/{customer.id}")
    assert expected not in desk.text


def test_edit_saves_and_audits_before_and_after(desk: Page, acme: Vendor) -> None:
    make_customer(acme, name="Before", company_name="Same")
    desk.get("/Customer/Edit/1")
    desk.submit({"name": "After", "allow_activation_management": "y"}, form="#fields form").follow()

    assert "The changes are saved" in desk.text
    entry = db.session.scalar(select(AuditEntry))
    assert (entry.action, entry.record, entry.actor_label, entry.actor_kind) == (
        "customer.edit",
        "customer:1",
        "owner@acme.example",
        "staff",
    )
    assert entry.before == {"name": "Before", "allow_activation_management": False}
    assert entry.after == {"name": "After", "allow_activation_management": True}
    assert entry.ip == "127.0.0.1"
    assert "owner@acme.example" in desk.soup.select_one("#history").get_text()


def test_saving_without_a_change_leaves_no_entry(desk: Page, acme: Vendor) -> None:
    make_customer(acme)
    desk.get("/Customer/Edit/1").submit(form="#fields form").follow()
    assert "Nothing was different" in desk.text
    assert not db.session.scalars(select(AuditEntry)).all()


def test_a_refused_edit_changes_nothing_and_keeps_the_heading(desk: Page, acme: Vendor) -> None:
    make_customer(acme, name="Stays", email="stays@mail.example")
    desk.get("/Customer/Edit/1").submit({"name": "Other", "email": "bad"}, form="#fields form", status=422)

    assert desk.soup.h1.get_text() == "Stays"
    assert desk.soup.select_one("#name")["value"] == "Other"
    db.session.expire_all()
    assert customers.get(acme, 1).name == "Stays"


def test_a_stale_form_keeps_what_was_typed(desk: Page, acme: Vendor) -> None:
    make_customer(acme, name="Stays")
    desk.get("/Customer/Edit/1").submit({"csrf_token": "old", "name": "Typed"}, form="#fields form", status=400)
    assert desk.soup.select_one("#name")["value"] == "Typed"
    assert customers.get(acme, 1).name == "Stays"


def test_a_form_of_another_vendors_tab_answers_409(desk: Page, acme: Vendor, globex: Vendor) -> None:
    make_customer(acme, name="Stays")
    desk.get("/Customer/Edit/1").submit({"vendor": str(globex.id), "name": "X"}, form="#fields form", status=409)
    desk.get("/Customer/Edit/1").submit({"vendor": None, "name": "X"}, form="#fields form", status=409)
    assert customers.get(acme, 1).name == "Stays"


def test_the_page_shows_everything_about_one_customer(desk: Page, acme: Vendor) -> None:
    customer = make_customer(acme, name="Ada", notes="Handle with care")
    user = make_user(email="ada@mail.example", name="Ada L.")
    make_association(user, customer)
    product = make_product(acme, name="Widget Studio")
    license = make_license(acme, product, customer, block=True)
    make_license(acme, make_product(acme, name="Foreign thing"))
    set_terms(acme)
    terms.accept(acme, user.id, user.email, customer.id, "https://acme.example/terms", 7)
    db.session.commit()

    desk.get("/Customer/Edit/1")
    assert "Version 7 accepted" in desk.text
    assert "Widget Studio" in desk.soup.select_one("#licenses").get_text()
    assert "Blocked" in desk.soup.select_one("#licenses").get_text()
    assert license.key[-5:] in desk.text and license.key not in desk.html
    assert "Foreign thing" not in desk.text
    assert "ada@mail.example" in desk.soup.select_one("#accounts").get_text()


def test_detach_asks_once_then_parts_the_account(desk: Page, acme: Vendor) -> None:
    customer = make_customer(acme)
    user = make_user()
    make_association(user, customer)

    desk.get("/Customer/Edit/1")
    assert f"{user.email} no longer sees this customer" in desk.text
    desk.submit(form=f'form[action$="/Detach/{user.id}"]').follow()
    assert not db.session.scalars(select(Association)).all()
    desk.post("/Customer/Edit/1/Detach/999", _hidden(desk), status=404)


def test_a_request_for_access_shows_on_both_pages_until_it_is_settled(desk: Page, acme: Vendor) -> None:
    customer, user = make_customer(acme, name="Ada"), make_user(email="late@mail.example")
    db.session.add(AccessRequest(vendor_id=acme.id, customer_id=customer.id, user_id=user.id))
    db.session.commit()

    desk.get("/Customer")
    assert "One person asks for access" in desk.text
    desk.get("/Customer/Edit/1").submit(form='form[action*="/Settle/"]').follow()
    assert not desk.soup.select_one("#requests")
    assert "asks for access" not in desk.get("/Customer").text


def test_a_new_secret_replaces_the_old_one(desk: Page, acme: Vendor) -> None:
    make_customer(acme, secret_digest="old")
    desk.get("/Customer/Edit/1").submit(form='form[action$="/Secret"]').follow()
    shown = str(desk.soup.select_one("#secret")["value"])
    db.session.expire_all()
    assert customers.get(acme, 1).secret_digest == crypto.digest(shown)


def test_accepted_terms_list_versions(desk: Page, acme: Vendor) -> None:
    desk.get("/Customer/Terms")
    assert "Nobody has accepted terms yet" in desk.text
    set_terms(acme, version=2)
    user = make_user(email="ada@mail.example")
    terms.accept(acme, user.id, user.email, None, "https://acme.example/terms", 2)
    db.session.commit()
    desk.get("/Customer/Terms")
    assert re.search(r"ada@mail\.example – 2 current", desk.text)


def test_a_viewer_reads_but_finds_no_form_link_or_key(page: Page, acme: Vendor) -> None:
    customer = make_customer(acme, notes="Handle with care")
    license = make_license(acme, customer=customer)
    page.sign_in(make_staff(acme, "viewer"), vendor=acme)

    page.get("/Customer/Edit/1")
    assert "Handle with care" in page.text
    assert not page.soup.select("main form")
    assert "auth=" not in page.html
    page.get(f"/License/{license.global_id}")
    assert license.key not in page.html
    page.get(f"/Product/Detail/{license.product_id}")
    assert license.key not in page.html


def _hidden(desk: Page) -> dict[str, str]:
    form = desk.get("/Customer/Create").find_form()
    return {name: str(form.select_one(f"[name={name}]")["value"]) for name in ("csrf_token", "vendor")}
