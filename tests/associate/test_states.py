"""Opening a link: every state has its page, its status and its next step, and opening changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from portal import clock
from portal.associate import links
from portal.customers.models import Customer
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.support.page import Page
from tests.support.tables import contents


def personal(customer: Customer) -> str:
    return str(links.personal_link(vendors.get(customer.vendor_id), customer))


def test_an_unused_generic_link_offers_a_new_account_or_sign_in(page: Page, acme: Vendor) -> None:
    page.get(links.sign_up_link(acme))

    form = page.find_form("form[action='/Portal/@acme.example/Associate']")
    assert {field["name"] for field in form.select("input")} == {"csrf_token", "claim", "name", "email", "password"}
    assert "Acme invites you" in page.text
    sign_in = page.soup.select_one("main a[href*=SignIn]")
    assert sign_in is not None and "next=%2FPortal%2F%40acme.example%2FAssociate%3Fvid" in str(sign_in["href"])
    page.get(links.sign_up_link(acme), status=303).follow()  # the browser keeps cookies: the code stays in one
    sign_in = page.soup.select_one("main a[href*=SignIn]")
    assert sign_in is not None and str(sign_in["href"]).endswith("next=%2FPortal%2F%40acme.example%2FAssociate")


def test_an_unused_personal_link_gives_nobody_away(page: Page, acme: Vendor) -> None:
    customer = factories.make_customer(
        acme, name="Grace Hopper", email="grace@navy.example", company_name="Navy", notes="big"
    )
    page.get(personal(customer))

    assert "g•••@n•••.example" in page.text
    for secret in ("Grace", "grace@", "Navy", "navy.example"):
        assert secret not in page.html


def test_terms_come_as_a_labelled_unticked_box_with_a_link_in_a_new_tab(page: Page, acme: Vendor) -> None:
    factories.set_terms(acme, "https://acme.example/terms")
    page.get(links.sign_up_link(acme))

    box = page.soup.select_one("input[name=accept_terms]")
    assert box is not None and not box.has_attr("checked")
    label = page.soup.select_one(f"label[for={box['id']}]")
    assert label is not None
    link = label.select_one("a")
    assert link is not None and link["href"] == "https://acme.example/terms" and link["target"] == "_blank"


def test_without_terms_there_is_no_box(page: Page, acme: Vendor) -> None:
    factories.set_terms(acme, "")
    page.get(links.sign_up_link(acme))
    assert not page.soup.select("input[name=accept_terms]")


def test_an_address_that_is_no_safe_link_is_never_shown(page: Page, acme: Vendor) -> None:
    factories.set_terms(acme, "javascript:alert(1)")
    page.get(links.sign_up_link(acme))
    assert "javascript:" not in page.html


def test_a_link_that_is_yours_already_says_so(page: Page, acme: Vendor) -> None:
    user = factories.make_user()
    customer = factories.make_customer(acme)
    factories.make_association(user, customer)
    page.sign_in(user).get(personal(customer), status=303).follow()

    assert "This is yours already" in page.text
    assert page.soup.select_one("a[href='/Portal/@acme.example/Licenses']")


def test_yours_stays_yours_when_the_link_is_switched_off(page: Page, acme: Vendor) -> None:
    user = factories.make_user()
    customer = factories.make_customer(acme)
    link = personal(customer)
    factories.make_association(user, customer)
    customer.enable_customer_association = False
    db.session.commit()

    page.sign_in(user).get(link, status=303).follow()
    assert "This is yours already" in page.text


@pytest.fixture(params=["nobody", "stranger"])
def visitor(request: pytest.FixtureRequest, page: Page) -> Page:
    """A browser without a session, and one of a user who has nothing to do with the customer."""
    return page.sign_in(factories.make_user()) if request.param == "stranger" else page


def test_a_link_used_by_someone_else(visitor: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    factories.make_association(factories.make_user(), customer)

    visitor.get(personal(customer), status=409)
    assert "Someone else used this link" in visitor.text
    assert visitor.soup.select_one("form[action$='/Associate/Ask'], a[href*='SignIn?next=']")


def test_an_expired_link(app: Flask, visitor: Page) -> None:
    customer = factories.make_customer(factories.make_vendor("expiring.example", personal_link_days=7))
    link = personal(customer)
    clock.move(timedelta(days=7, seconds=-60))
    Page(app).get(link)
    clock.move(timedelta(seconds=61))

    page = Page(app).get(link, status=410)
    assert "This link has expired" in page.text


def test_an_expiry_set_later_ends_older_links_too(page: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    link = personal(customer)
    clock.move(timedelta(days=8))
    page.get(link)
    vendors.set_switch(acme, "personal_link_days", "7")
    db.session.commit()

    page.get(link, status=410)


def test_a_revoked_link(visitor: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    link = personal(customer)
    links.revoke_personal(acme, customer)
    db.session.commit()

    visitor.get(link, status=410)
    assert "This link was revoked" in visitor.text


def test_a_link_with_association_disabled(visitor: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    link = personal(customer)
    customer.enable_customer_association = False
    db.session.commit()

    visitor.get(link, status=410)
    assert "This link is switched off" in visitor.text


def test_the_generic_link_switched_off(visitor: Page, acme: Vendor) -> None:
    vendors.set_switch(acme, "generic_sign_up", "off")
    db.session.commit()

    visitor.get(links.sign_up_link(acme), status=410)
    assert "This link is switched off" in visitor.text


def test_bad_unknown_and_rotated_links_get_one_and_the_same_page(page: Page, acme: Vendor, globex: Vendor) -> None:
    customer, foreign = factories.make_customer(acme), factories.make_customer(globex)
    good, generic = personal(customer), links.sign_up_link(acme)
    code = good.split("auth=")[1]
    links.rotate_personal(acme, customer)
    links.rotate_sign_up(acme)
    db.session.commit()
    base = "/Portal/@acme.example/Associate?"
    bad = [
        good,
        generic,
        f"{base}id={customer.id}&auth=x",
        f"{base}id={customer.id}",
        f"{base}id=&auth={code}",
        f"{base}auth={code}",
        f"{base}id=999999&auth={code}",
        f"{base}id=9223372036854775808&auth={code}",
        f"{base}id=١&auth={code}",
        f"{base}vid={globex.id}&auth={code}",
        f"{base}id={customer.id}&vid={acme.id}&auth={code}",
        f"{base}id={customer.id}&auth=%00",
        personal(foreign).replace("globex.example", "acme.example"),
        links.sign_up_link(globex).replace("globex.example", "acme.example"),
    ]
    pages = {page.get(link, status=404).html for link in bad if "%00" not in link}
    assert len(pages) == 1
    assert "This link does not work" in pages.pop()
    page.get(f"{base}id={customer.id}&auth=%00", status=400)


def test_a_claim_of_another_vendor_has_a_page_of_its_own(page: Page, acme: Vendor, globex: Vendor) -> None:
    page.get(links.sign_up_link(globex))
    page.get("/Portal/@acme.example/Associate", status=404)
    assert "This link is not from Acme" in page.text


def test_without_a_link_the_page_explains_itself(page: Page, acme: Vendor) -> None:
    page.get("/Portal/@acme.example/Associate", status=404)
    assert "Open your link again" in page.text


def test_a_browser_without_cookies_sees_the_page_itself(app: Flask, acme: Vendor) -> None:
    for _attempt in range(2):
        page = Page(app)
        page.get(links.sign_up_link(acme))
        assert "Create account" in page.text


def test_a_browser_with_cookies_loses_the_code_from_its_address(page: Page, acme: Vendor) -> None:
    page.get("/Portal/@acme.example/SignIn")
    page.get(links.sign_up_link(acme), status=303)
    assert page.location == "/Portal/@acme.example/Associate"
    page.follow()
    assert "Create account" in page.text


def test_the_pages_of_a_link_are_not_stored_and_name_no_referrer(page: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    for link, status in ((links.sign_up_link(acme), 200), (personal(customer) + "x", 404)):
        headers = page.get(link, status=status).response.headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("signed_in", [False, True])
def test_opening_a_link_writes_nothing(app: Flask, page: Page, acme: Vendor, method: str, signed_in: bool) -> None:
    factories.set_terms(acme)
    unused, used = factories.make_customer(acme), factories.make_customer(acme)
    factories.make_association(factories.make_user(), used)
    if signed_in:
        page.sign_in(factories.make_user())
    before = contents()

    for link in (links.sign_up_link(acme), personal(unused), personal(used), personal(unused) + "x"):
        page.client.open(link, method=method, follow_redirects=True)
        assert page.client.open("/Portal/@acme.example/Associate", method=method).status_code in (200, 409)
    assert contents() == before


def test_a_link_is_checked_the_same_way_whether_its_id_exists_or_not(page: Page, acme: Vendor) -> None:
    """One look-up each: what the database is asked does not depend on the answer."""
    from sqlalchemy import event

    customer = factories.make_customer(acme)
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *facts: asked.append(str(facts[2])))
    seen = []
    for number, code in ((customer.id, "x"), (999, "x"), (customer.id, personal(customer).split("auth=")[1] + "x")):
        db.session.commit()
        asked.clear()
        page.get(f"/Portal/@acme.example/Associate?id={number}&auth={code}", status=404)
        seen.append([statement for statement in asked if statement.startswith("SELECT")])
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 2


def test_a_longest_possible_name_fits_the_page(page: Page, acme: Vendor) -> None:
    db.session.execute(update(Vendor).values(name="W" * 100))
    db.session.commit()
    page.get(links.sign_up_link(acme))
    assert "W" * 100 in page.text
