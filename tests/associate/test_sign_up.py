"""From a link to an account: sign up, confirm, and be bound in one go."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from portal.account.models import User
from portal.associate import links
from portal.associate.models import Association, GenericSignUp
from portal.customers.models import Customer
from portal.extensions import db
from portal.terms.models import TermsAcceptance
from portal.vendors.models import Vendor
from tests import factories
from tests.support.mailbox import sent_mails
from tests.support.page import Page
from tests.support.tables import contents

TYPED = {"name": "Ada Lovelace", "email": "ada@engine.example", "password": "a long enough phrase", "accept_terms": "y"}


def sign_up(page: Page, link: str, **typed: str | None) -> Page:
    page.get(link).submit({**TYPED, **typed})
    assert page.location.endswith("/ConfirmEmail")
    return page


def confirm(page: Page, email: str = "ada@engine.example") -> Page:
    page.get("/Portal/@acme.example/ConfirmEmail")
    return page.submit({"code": sent_mails(email)[-1].code})


def bound_users(customer: Customer) -> list[str]:
    db.session.commit()
    rows = select(User.email).join(Association, Association.user_id == User.id)
    return list(db.session.scalars(rows.where(Association.customer_id == customer.id)))


def test_the_generic_link_makes_account_customer_binding_and_acceptance(page: Page, acme: Vendor) -> None:
    factories.set_terms(acme, "https://acme.example/terms", 3)
    sign_up(page, links.sign_up_link(acme))
    assert db.session.query(User).count() == 0

    confirm(page)
    assert page.location == "/Portal/@acme.example/Licenses"
    page.follow()

    user = db.session.query(User).one()
    customer = db.session.query(Customer).one()
    assert (customer.name, customer.email, customer.origin) == ("Ada Lovelace", "ada@engine.example", "sign_up")
    assert bound_users(customer) == [user.email]
    accepted = db.session.query(TermsAcceptance).one()
    assert (accepted.user_id, accepted.customer_id, accepted.url, accepted.version) == (
        user.id,
        customer.id,
        "https://acme.example/terms",
        3,
    )


def test_a_personal_link_binds_a_new_account_to_its_record(page: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    sign_up(page, str(links.personal_link(acme, customer)))
    confirm(page)

    assert page.location == "/Portal/@acme.example/Licenses"
    assert bound_users(customer) == ["ada@engine.example"]
    assert db.session.query(Customer).count() == 1


def test_an_existing_account_comes_in_by_code_and_the_typed_password_is_dropped(page: Page, acme: Vendor) -> None:
    user = factories.make_user("ada@engine.example")
    before = user.password_hash
    customer = factories.make_customer(acme)
    sign_up(page, str(links.personal_link(acme, customer)), password="another long phrase")
    confirm(page)

    assert page.location == "/Portal/@acme.example/Licenses"
    assert bound_users(customer) == ["ada@engine.example"]
    db.session.refresh(user)
    assert user.password_hash == before


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"name": ""}, "Type your name."),
        ({"email": "ada"}, "This is not an e-mail address."),
        ({"password": "short"}, "Password"),
        ({"accept_terms": None}, "Please accept the terms to go on."),
        ({"name": "A\0da"}, "This contains a character that cannot be stored."),
        ({"name": "x" * 101}, "Please use at most 100 characters."),
    ],
)
def test_a_refused_form_keeps_what_was_typed_and_writes_nothing(
    page: Page, acme: Vendor, typed: dict[str, str | None], message: str
) -> None:
    factories.set_terms(acme)
    page.get(links.sign_up_link(acme))
    before = contents()
    page.submit({**TYPED, **typed}, status=422)

    assert message in page.text
    field = page.soup.select_one("input[name=email]")
    assert field is not None and field["value"] == typed.get("email", TYPED["email"])
    assert page.soup.select_one("input[name=claim]")
    after = contents()
    assert {**after, "throttle_counters": []} == {**before, "throttle_counters": []}


def test_a_bad_token_keeps_the_form(page: Page, acme: Vendor) -> None:
    page.get(links.sign_up_link(acme))
    page.submit({**TYPED, "csrf_token": "bad"}, status=400)

    field = page.soup.select_one("input[name=email]")
    assert field is not None and field["value"] == "ada@engine.example"
    page.submit(TYPED)


def test_terms_that_changed_while_the_page_was_open_are_asked_again(page: Page, acme: Vendor) -> None:
    terms = factories.set_terms(acme)
    page.get(links.sign_up_link(acme))
    terms.int_value = 2
    db.session.commit()

    page.submit(TYPED, status=422)
    assert "The terms changed while this page was open." in page.text
    box = page.soup.select_one("input[name=accept_terms]")
    assert box is not None and not box.has_attr("checked")
    page.submit(TYPED)


def test_a_link_used_while_the_mail_was_on_its_way_leads_to_the_page_that_says_so(page: Page, acme: Vendor) -> None:
    factories.set_terms(acme)
    customer = factories.make_customer(acme)
    sign_up(page, str(links.personal_link(acme, customer)))
    factories.make_association(factories.make_user(), customer)

    confirm(page)
    page.get(page.location, status=409)
    assert "Someone else used this link" in page.text
    user = db.session.query(User).filter_by(email_key="ada@engine.example").one()
    assert db.session.query(TermsAcceptance).filter_by(user_id=user.id).one().customer_id is None


@pytest.mark.parametrize("change", ["rotate", "revoke", "disable"])
def test_a_link_ended_before_the_confirmation_binds_nobody(page: Page, acme: Vendor, change: str) -> None:
    customer = factories.make_customer(acme)
    sign_up(page, str(links.personal_link(acme, customer)))
    if change == "rotate":
        links.rotate_personal(acme, customer)
    elif change == "revoke":
        links.revoke_personal(acme, customer)
    else:
        customer.enable_customer_association = False
    db.session.commit()

    confirm(page)
    page.get(page.location, status=404 if change == "rotate" else 410)
    assert bound_users(customer) == []


def test_a_taken_link_takes_no_new_account(page: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    page.get(str(links.personal_link(acme, customer)))
    factories.make_association(factories.make_user(), customer)

    page.submit(TYPED, status=409)
    assert not sent_mails("ada@engine.example")


def test_two_tabs_never_bind_the_wrong_link(app: Flask, page: Page, acme: Vendor) -> None:
    first, second = factories.make_customer(acme), factories.make_customer(acme)
    page.get(str(links.personal_link(acme, first)))
    form_of_first = {field["name"]: field["value"] for field in page.find_form().select("input[type=hidden]")}
    page.get(str(links.personal_link(acme, second)), status=303).follow()

    page.post("/Portal/@acme.example/Associate", {**TYPED, **form_of_first})
    confirm(page)
    assert bound_users(first) == ["ada@engine.example"]
    assert bound_users(second) == []


def test_a_claim_that_was_tampered_with_is_not_replaced_by_the_cookie(page: Page, acme: Vendor) -> None:
    page.get(str(links.personal_link(acme, factories.make_customer(acme))))
    page.submit({**TYPED, "claim": "forged"}, status=404)
    assert not sent_mails()


def test_the_form_of_the_contract_is_enough(page: Page, acme: Vendor) -> None:
    """Name, address, password, tick and token; the claim then comes from the cookie."""
    factories.set_terms(acme)
    page.get(links.sign_up_link(acme))
    token = page.find_form().select_one("input[name=csrf_token]")
    assert token is not None
    page.post("/Portal/@acme.example/Associate", {**TYPED, "csrf_token": str(token["value"])})
    confirm(page)
    assert db.session.query(GenericSignUp).count() == 1


def test_signing_in_from_the_page_leads_back_to_the_same_link(page: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    user = factories.make_user()
    page.get(str(links.personal_link(acme, customer)))
    other = factories.make_customer(acme)
    sign_in = page.soup.select_one("main a[href*=SignIn]")
    assert sign_in is not None
    page.get(str(links.personal_link(acme, other)), status=303)

    page.get(str(sign_in["href"])).submit({"email": user.email, "password": factories.PASSWORD})
    page.get(page.location, status=303).follow().submit()
    assert bound_users(customer) == [user.email]
    assert bound_users(other) == []


def test_records_that_wait_for_the_confirmed_address_are_offered_after_signing_up(page: Page, acme: Vendor) -> None:
    waiting = factories.make_customer(acme, name="Old record", email="ada@engine.example")
    sign_up(page, links.sign_up_link(acme))
    confirm(page)

    assert page.location == "/Portal/@acme.example/Associate/Offers"
    assert bound_users(waiting) == []
    page.follow()
    assert "Old record" in page.text
