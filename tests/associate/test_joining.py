"""Signed-in users join: one click, one seat each, once."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.associate import links
from portal.associate.models import Association
from portal.audit.models import AuditEntry
from portal.customers.models import Customer
from portal.extensions import db
from portal.terms.models import TermsAcceptance
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.support.mailbox import sent_mails
from tests.support.page import Page
from tests.support.tables import contents


def personal(customer: Customer) -> str:
    return str(links.personal_link(vendors.get(customer.vendor_id), customer))


def seats(customer: Customer) -> list[tuple[int, int]]:
    db.session.commit()
    rows = select(Association.user_id, Association.seat).where(Association.customer_id == customer.id)
    return [tuple(row) for row in db.session.execute(rows.order_by(Association.seat))]  # type: ignore[misc]


def open_and_join(page: Page, link: str, status: int = 303, **typed: str) -> Page:
    return page.get(link, status=303).follow().submit(typed, status=status)


def test_one_confirmed_click_adds_the_licenses(page: Page, acme: Vendor) -> None:
    user = factories.make_user()
    customer = factories.make_customer(acme, email=user.email)
    page.sign_in(user).get(personal(customer), status=303).follow()
    assert seats(customer) == []
    page.submit()

    assert page.location == "/Portal/@acme.example/Licenses"
    assert seats(customer) == [(user.id, 1)]
    entry = db.session.query(AuditEntry).filter_by(action="associate.bind").one()
    assert (entry.actor_label, entry.record) == (user.email, f"customer:{customer.id}")
    assert not sent_mails()


def test_a_second_click_changes_nothing(page: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    page.sign_in(factories.make_user()).get(personal(customer), status=303).follow()
    form = {str(field["name"]): str(field["value"]) for field in page.find_form().select("input[name]")}
    page.post("/Portal/@acme.example/Associate", form)
    before = contents()
    page.post("/Portal/@acme.example/Associate", form)
    assert {**contents(), "throttle_counters": []} == {**before, "throttle_counters": []}


def test_an_account_with_another_address_is_told_to_the_recorded_one(page: Page, acme: Vendor) -> None:
    user = factories.make_user("grace@home.example")
    customer = factories.make_customer(acme, name="Hopper Ltd", email="office@hopper.example")
    open_and_join(page.sign_in(user), personal(customer))

    mail = sent_mails("office@hopper.example")[0]
    assert mail.name == "link_bound"
    assert "grace@home.example" in mail.text and "grace@home.example" in mail.html


def test_terms_are_part_of_the_click_and_asked_once_per_version(page: Page, acme: Vendor) -> None:
    factories.set_terms(acme, version=5)
    first, second = factories.make_customer(acme), factories.make_customer(acme)
    page.sign_in(factories.make_user())
    open_and_join(page, personal(first), status=422)
    assert "Please accept the terms to go on." in page.text
    assert seats(first) == []
    page.submit({"accept_terms": "y"})

    assert db.session.query(TermsAcceptance).one().customer_id == first.id
    page.get(personal(second), status=303).follow()
    assert not page.soup.select("input[name=accept_terms]")
    page.submit()
    assert len(seats(second)) == 1
    assert db.session.query(TermsAcceptance).count() == 1


def test_a_personal_link_binds_one_account(page: Page, acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    page.sign_in(factories.make_user()).get(personal(customer), status=303).follow()
    winner = factories.make_user()
    factories.make_association(winner, customer)

    page.submit(status=409)
    assert "Someone else used this link" in page.text
    assert seats(customer) == [(winner.id, 1)]


def test_with_multiple_association_accounts_join_up_to_the_limit(app: object, acme: Vendor) -> None:
    vendors.set_switch(acme, "association_limit", "3")
    customer = factories.make_customer(acme, allow_multiple_user_association=True)
    for _number in range(3):
        open_and_join(Page(app).sign_in(factories.make_user()), personal(customer))  # type: ignore[arg-type]
    assert [seat for _user, seat in seats(customer)] == [1, 2, 3]

    last = Page(app).sign_in(factories.make_user())  # type: ignore[arg-type]
    last.get(personal(customer), status=409)


def test_a_seat_left_free_is_not_taken_beyond_the_limit(page: Page, acme: Vendor) -> None:
    """Multiple association was switched off after several had joined and the first had left."""
    customer = factories.make_customer(acme)
    factories.make_association(factories.make_user(), customer, seat=2)
    page.sign_in(factories.make_user()).get(personal(customer), status=409)


def test_the_generic_link_makes_one_customer_per_user(page: Page, acme: Vendor) -> None:
    user = factories.make_user()
    open_and_join(page.sign_in(user), links.sign_up_link(acme))
    page.get(links.sign_up_link(acme), status=303).follow()

    assert "This is yours already" in page.text
    assert db.session.query(Customer).count() == 1


def test_rotating_between_page_and_click_stops_the_bind(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_user()).get(links.sign_up_link(acme), status=303).follow()
    links.rotate_sign_up(vendors.get(acme.id))
    db.session.commit()
    page.submit(status=404)
    assert db.session.query(Customer).count() == 0


def test_only_a_confirmed_address_is_bound(page: Page, acme: Vendor) -> None:
    user = factories.make_user(email_confirmed_at=None)
    customer = factories.make_customer(acme)
    open_and_join(page.sign_in(user), personal(customer), status=403)
    assert seats(customer) == []


def test_a_session_that_owes_the_second_step_binds_nothing_and_is_told_nothing(page: Page, acme: Vendor) -> None:
    """Signed in by password alone at a vendor that asks for no more; this one does."""
    vendors.set_switch(acme, "second_step_for_customers", "on")
    db.session.commit()
    user = factories.make_user()
    customer = factories.make_customer(acme)
    page.sign_in(user).get(personal(customer), status=303).follow()
    assert user.email not in page.text
    page.submit({}, status=422)
    assert seats(customer) == []
    page.get("/Portal/@acme.example/")
    assert user.email not in page.text


@pytest.fixture
def careful(app: object) -> Vendor:
    return factories.make_vendor("careful.example", "Careful", confirm_association_by_code=True)


def test_with_the_switch_a_code_mailed_to_the_recorded_address_is_needed(page: Page, careful: Vendor) -> None:
    factories.set_terms(careful)
    user = factories.make_user()
    customer = factories.make_customer(careful, email="office@hopper.example")
    open_and_join(page.sign_in(user), personal(customer), accept_terms="y")
    assert page.location == "/Portal/@careful.example/Associate/Code"
    assert seats(customer) == []

    page.follow().submit({"code": "000000"}, status=422)
    assert seats(customer) == []
    code = sent_mails("office@hopper.example")[-1].code
    page.submit({"code": code})
    assert seats(customer) == [(user.id, 1)]
    assert db.session.query(TermsAcceptance).one().customer_id == customer.id
    page.get("/Portal/@careful.example/Licenses")


def test_a_new_account_still_needs_the_code(page: Page, careful: Vendor) -> None:
    customer = factories.make_customer(careful, email="office@hopper.example")
    page.get(personal(customer)).submit({"name": "Ada", "email": "ada@x.example", "password": "a long enough phrase"})
    page.get("/Portal/@careful.example/ConfirmEmail").submit({"code": sent_mails("ada@x.example")[-1].code})
    assert seats(customer) == []

    page.get(page.location, status=303).follow()
    assert "o•••@h•••.example" in page.text
    page.submit().follow().submit({"code": sent_mails("office@hopper.example")[-1].code})
    assert len(seats(customer)) == 1


def test_who_confirmed_the_recorded_address_needs_no_second_code(page: Page, careful: Vendor) -> None:
    user = factories.make_user("office@hopper.example")
    customer = factories.make_customer(careful, email="Office@hopper.example")
    open_and_join(page.sign_in(user), personal(customer))
    assert seats(customer) == [(user.id, 1)]


def test_without_a_recorded_address_nobody_is_bound_by_code(page: Page, careful: Vendor) -> None:
    customer = factories.make_customer(careful, email="")
    page.sign_in(factories.make_user()).get(personal(customer), status=409)
    assert "has no address on record" in page.text
    page.submit(form="form[action$='/Associate/Ask']")


def test_a_code_asked_for_by_another_user_does_not_bind(page: Page, careful: Vendor) -> None:
    customer = factories.make_customer(careful, email="office@hopper.example")
    open_and_join(page.sign_in(factories.make_user()), personal(customer))
    page.sign_in(factories.make_user())
    page.get("/Portal/@careful.example/Associate/Code")
    page.submit({"code": sent_mails("office@hopper.example")[-1].code}, status=422)
    assert seats(customer) == []
