"""The terms question: asked, answered, asked again; and nothing gets around it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from portal import access, clock
from portal.data_objects.models import DataObject
from portal.extensions import db
from portal.terms import service as terms
from portal.terms.models import TermsAcceptance
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.support.page import Page

LICENSES = "/Portal/@acme.example/Licenses"
TERMS = "/Portal/@acme.example/Terms"
# What stays open while the question is: the terms page, export, deletion, and canceling at Stripe with its way back.
# Buying asks the question by itself, so that one comes back to the plans (tests/billing/test_checkout.py).
OPEN_PAGES = (
    "terms.show",
    "terms.accept",
    "account.export",
    "account.delete",
    "billing.portal",
    "billing.come_back",
    "billing.checkout",
)


@pytest.fixture
def asked(acme: Vendor) -> DataObject:
    return factories.set_terms(acme, "https://acme.example/terms", 1)


@pytest.fixture
def customer(page: Page, acme: Vendor) -> Page:
    return page.sign_in(factories.make_customer_user(acme))


def test_a_customer_is_asked_before_the_page_and_lands_on_it_afterwards(
    customer: Page, acme: Vendor, asked: DataObject
) -> None:
    customer.get(f"{LICENSES}?before=5", status=303).follow()
    assert "Terms of Acme" in customer.text
    customer.submit({"accept_terms": "y"})

    assert customer.location == f"{LICENSES}?before=5"
    customer.get(LICENSES)


def test_the_box_must_be_ticked(customer: Page, asked: DataObject) -> None:
    customer.get(TERMS).submit(status=422)
    assert "Please accept the terms to go on." in customer.text
    assert db.session.query(TermsAcceptance).count() == 0
    customer.get(LICENSES, status=303)


def test_a_bad_token_accepts_nothing(customer: Page, asked: DataObject) -> None:
    customer.get(TERMS).submit({"accept_terms": "y", "csrf_token": "x"}, status=400)
    assert db.session.query(TermsAcceptance).count() == 0


def test_an_acceptance_says_who_what_when_and_from_where(customer: Page, acme: Vendor, asked: DataObject) -> None:
    customer.get(TERMS).submit({"accept_terms": "y"}, headers={"User-Agent": "Firefox/153"})
    row = db.session.query(TermsAcceptance).one()
    assert (row.vendor_id, row.url, row.version) == (acme.id, "https://acme.example/terms", 1)
    assert (row.ip, row.user_agent, row.language) == ("127.0.0.1", "Firefox/153", "en")
    assert row.customer_id == 1
    assert abs(row.accepted_at - clock.now()) < timedelta(minutes=1)


def test_a_user_of_several_customers_accepts_once_for_all(page: Page, acme: Vendor, asked: DataObject) -> None:
    user = factories.make_user()
    for _number in range(2):
        factories.make_association(user, factories.make_customer(acme))
    page.sign_in(user).get(TERMS).submit({"accept_terms": "y"})
    assert [row.customer_id for row in terms.list_receipts(acme, user.id)] == [2, 1]
    page.get(LICENSES)


@pytest.mark.parametrize("change", [{"int_value": 2}, {"string_value": "https://acme.example/terms/2"}])
def test_a_changed_address_or_version_asks_again_before_the_next_page(
    customer: Page, asked: DataObject, change: dict[str, object]
) -> None:
    customer.get(TERMS).submit({"accept_terms": "y"})
    customer.get(LICENSES)
    for name, value in change.items():
        setattr(asked, name, value)
    db.session.commit()

    customer.get(LICENSES, status=303).follow()
    assert "The terms have changed since you accepted them" in customer.text
    customer.submit({"accept_terms": "y"})
    customer.get(LICENSES)
    assert db.session.query(TermsAcceptance).count() == 2


def test_terms_that_changed_while_the_page_was_open_are_not_accepted_unread(customer: Page, asked: DataObject) -> None:
    customer.get(TERMS)
    asked.int_value = 2
    db.session.commit()
    customer.submit({"accept_terms": "y"}, status=422)
    assert db.session.query(TermsAcceptance).count() == 0


def test_days_of_grace_are_for_those_who_had_accepted_before(
    app: Flask, customer: Page, acme: Vendor, asked: DataObject
) -> None:
    vendors.set_switch(acme, "terms_grace_days", "7")
    customer.get(LICENSES, status=303)
    customer.get(TERMS).submit({"accept_terms": "y"})
    asked.int_value, asked.changed_at = 2, clock.now()
    db.session.commit()

    customer.get(LICENSES)
    newcomer = Page(app).sign_in(factories.make_customer_user(acme))
    newcomer.get(LICENSES, status=303)
    clock.move(timedelta(days=6))
    customer.sign_in(db.session.query(factories.User).first()).get(LICENSES)  # type: ignore[arg-type]
    clock.move(timedelta(days=1, seconds=1))
    customer.sign_in(db.session.query(factories.User).first()).get(LICENSES, status=303)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "/terms", "http://acme.example/terms"])
def test_without_a_safe_address_nothing_is_asked(customer: Page, acme: Vendor, url: str) -> None:
    factories.set_terms(acme, url)
    customer.get(LICENSES)
    customer.get(TERMS)
    assert "There is nothing to accept at the moment." in customer.text
    assert url == "" or url not in [link.get("href") for link in customer.soup.select("a")]


def test_the_terms_of_another_vendor_are_not_asked_here(customer: Page, acme: Vendor, globex: Vendor) -> None:
    factories.set_terms(globex)
    customer.get(LICENSES)


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"])
def test_next_never_leaves_the_site(customer: Page, asked: DataObject, wanted: str) -> None:
    customer.get(TERMS, query_string={"next": wanted})
    customer.submit({"accept_terms": "y", "next": wanted})
    assert customer.location == LICENSES


def test_no_route_of_the_portal_gets_around_the_question(app: Flask, customer: Page, asked: DataObject) -> None:
    """Every address for signed-in people but those PRODUCT 4.3 leaves open leads to the terms page."""
    checked = 0
    for rule in app.url_map.iter_rules():
        mark = access.mark_of(app.view_functions[rule.endpoint])
        if not rule.rule.startswith("/Portal/@") or mark is None or mark.kind not in ("customer", "signed_in"):
            continue
        assert not mark.terms_open or rule.endpoint in OPEN_PAGES, f"{rule.endpoint} is open while terms are due"
        address = rule.rule.replace("<domain:domain>", "acme.example")
        for argument in rule.arguments - {"domain"}:
            address = address.replace(f"<int:{argument}>", "1").replace(f"<{argument}>", "1")
        for method in (rule.methods or set()) & {"GET", "POST"}:
            if not mark.terms_open:
                customer._send(method, address, status=303, **({"data": {}} if method == "POST" else {}))
                assert customer.location.startswith(TERMS), (method, address)
                checked += 1
    assert checked >= 6


@pytest.mark.parametrize("flow", ["", "payment_method_update", "subscription_update", "x"])
def test_of_the_steps_to_stripe_only_canceling_stays_open(customer: Page, asked: DataObject, flow: str) -> None:
    customer.get(TERMS)
    token = customer.find_form().select_one("input[name=csrf_token]")
    assert token is not None
    customer.post("/Portal/@acme.example/Billing/Portal", {"csrf_token": token["value"], "flow": flow})
    assert customer.location == TERMS


def test_signing_out_stays_open(customer: Page, asked: DataObject) -> None:
    customer.get(TERMS).submit(form="form[action$='/SignOut']")
    customer.get(LICENSES, status=303)
    assert "/SignIn" in customer.location


def test_the_question_is_one_query_of_the_gate(customer: Page, acme: Vendor, asked: DataObject) -> None:
    user = db.session.query(factories.User).one()
    assert terms.standing(vendors.profile_of(acme), user.id).terms_due
    assert not terms.standing(vendors.profile_of(acme), user.id + 1).terms_due
