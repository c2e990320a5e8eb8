"""The generic link at /Customer/SignUpLink, and a customer's personal link."""

from __future__ import annotations

from sqlalchemy import select

from portal.associate import links
from portal.audit.models import AuditEntry
from portal.customers import service as customers
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests.factories import make_customer, make_staff
from tests.support.mailbox import sent_mails
from tests.support.page import Page


def shown(page: Page, name: str) -> str:
    return str(page.soup.select_one(f"#{name}")["value"])


def test_the_sign_up_link_stands_there_to_copy_to_scan_and_to_embed(desk: Page, acme: Vendor) -> None:
    desk.get("/Customer/SignUpLink")

    assert shown(desk, "sign-up-link") == links.sign_up_link(acme)
    assert desk.soup.select_one("figure svg")
    assert shown(desk, "snippet").startswith('<iframe src="http://localhost/Portal/@acme.example/Embed/Associate"')
    assert "No website may show it yet" in desk.text
    assert desk.get("/Customer/SignUpLink").soup.select_one("#sign-up-link")["value"] == links.sign_up_link(acme)


def test_origins_that_may_embed_are_named(page: Page) -> None:
    from tests.factories import make_vendor

    vendor = make_vendor(embed_origins=["https://www.acme.example"])
    page.sign_in(make_staff(vendor), vendor=vendor).get("/Customer/SignUpLink")
    assert "shown on https://www.acme.example only" in page.text


def test_rotate_makes_another_link(desk: Page, acme: Vendor) -> None:
    desk.get("/Customer/SignUpLink")
    before = shown(desk, "sign-up-link")
    desk.submit(form='form[action$="/Rotate"]').follow()
    assert shown(desk, "sign-up-link") != before


def test_switch_off_and_on(desk: Page, acme: Vendor) -> None:
    desk.get("/Customer/SignUpLink").submit(form='form[action$="/Switch"]').follow()
    assert "The link is switched off" in desk.text
    db.session.expire_all()
    assert not vendors.switches_of(vendors.get(acme.id)).generic_sign_up
    desk.submit(form='form[action$="/Switch"]').follow()
    db.session.expire_all()
    assert vendors.switches_of(vendors.get(acme.id)).generic_sign_up
    assert [entry.action for entry in db.session.scalars(select(AuditEntry))] == ["vendor.set", "vendor.set"]


def test_a_customers_link_appears_once_association_is_enabled(desk: Page, acme: Vendor) -> None:
    make_customer(acme, enable_customer_association=False)
    desk.get("/Customer/Edit/1")
    assert "There is none" in desk.soup.select_one("#link").get_text()
    desk.submit({"enable_customer_association": "y"}, form="#fields form").follow()
    assert shown(desk, "personal-link") == links.personal_link(acme, customers.get(acme, 1))
    assert desk.soup.select_one("#link figure svg")


def test_rotate_revoke_and_rotate_again(desk: Page, acme: Vendor) -> None:
    make_customer(acme)
    desk.get("/Customer/Edit/1")
    first = shown(desk, "personal-link")
    desk.submit(form='form[action$="/Link/Rotate"]').follow()
    second = shown(desk, "personal-link")
    assert second != first
    desk.submit(form='form[action$="/Link/Revoke"]').follow()
    assert "The link was revoked" in desk.text
    assert "auth=" not in desk.html
    desk.submit(form='form[action$="/Link/Rotate"]').follow()
    assert shown(desk, "personal-link") not in (first, second)


def test_the_link_is_mailed_to_the_recorded_address(desk: Page, acme: Vendor) -> None:
    make_customer(acme, email="ada@mail.example")
    desk.get("/Customer/Edit/1")
    link = shown(desk, "personal-link")
    desk.submit(form='form[action$="/Link/Mail"]').follow()

    assert "on its way to ada@mail.example" in desk.text
    [mail] = sent_mails("ada@mail.example")
    assert mail.name == "personal_link"
    assert link in mail.text


def test_without_an_address_there_is_nothing_to_mail_to(desk: Page, acme: Vendor) -> None:
    make_customer(acme, email="")
    desk.get("/Customer/Edit/1")
    assert not desk.soup.select_one('form[action$="/Link/Mail"]')
    fields = {"csrf_token": _token(desk), "vendor": str(acme.id)}
    desk.post("/Customer/Edit/1/Link/Mail", fields, status=409)


def _token(page: Page) -> str:
    return str(page.soup.select_one("main input[name=csrf_token]")["value"])
