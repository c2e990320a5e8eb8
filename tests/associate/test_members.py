"""Asking the vendor, taking offered records, leaving, and what staff may do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import clock
from portal.associate import binding, links
from portal.associate import service as associate
from portal.associate.models import AccessRequest, Association, GenericSignUp
from portal.audit.models import AuditEntry
from portal.customers.models import Customer
from portal.errors import Conflict, NotFound
from portal.extensions import db
from portal.terms.models import TermsAcceptance
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.support.mailbox import sent_mails
from tests.support.page import Page


def personal(customer: Customer) -> str:
    return str(links.personal_link(vendors.get(customer.vendor_id), customer))


def is_bound(user: factories.User, customer: Customer) -> bool:
    db.session.commit()
    return db.session.get(Association, (customer.vendor_id, customer.id, user.id)) is not None


def test_asking_the_vendor_leaves_a_note_and_mails_staff_once(page: Page, acme: Vendor) -> None:
    staff, viewer = factories.make_staff(acme, "support"), factories.make_staff(acme, "viewer")
    user, customer = factories.make_user(), factories.make_customer(acme, name="Shared")
    factories.make_association(factories.make_user(), customer)
    page.sign_in(user).get(personal(customer), status=409)
    for _click in range(2):
        page.submit(form="form[action$='/Associate/Ask']").follow()
        assert "Acme was told" in page.text
        page.get(personal(customer), status=409)

    requests = associate.list_requests(acme)
    assert [(note.customer_name, note.user_email) for note in requests] == [("Shared", user.email)]
    assert [mail.name for mail in sent_mails(staff.email)] == ["access_requested"]
    assert f"http://localhost/Customer/Edit/{customer.id}" in sent_mails(staff.email)[0].links
    assert not sent_mails(viewer.email)


def test_a_settled_note_may_be_asked_again(page: Page, acme: Vendor) -> None:
    user, customer = factories.make_user(), factories.make_customer(acme)
    factories.make_association(factories.make_user(), customer)
    profile = vendors.profile_of(acme)
    associate.ask_vendor(profile, user, customer.id)
    note = associate.list_requests(acme)[0]
    associate.settle_request(acme, note.id)
    assert associate.list_requests(acme) == []

    clock.move(timedelta(days=1))
    associate.ask_vendor(profile, user, customer.id)
    assert associate.list_requests(acme)[0].created_at > note.created_at
    assert db.session.query(AccessRequest).count() == 1


def test_a_note_of_another_vendor_is_not_found(acme: Vendor, globex: Vendor) -> None:
    customer = factories.make_customer(acme)
    associate.ask_vendor(vendors.profile_of(acme), factories.make_user(), customer.id)
    note = associate.list_requests(acme)[0]
    with pytest.raises(NotFound):
        associate.settle_request(globex, note.id)


def test_there_is_nothing_to_ask_without_a_link(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_customer_user(acme)).get("/Portal/@acme.example/Account/Leave")
    token = page.soup.select_one("input[name=csrf_token]")
    assert token is not None
    page.post("/Portal/@acme.example/Associate/Ask", {"csrf_token": token["value"], "claim": "x"}, status=404)
    assert db.session.query(AccessRequest).count() == 0


def test_asking_about_an_open_link_leads_to_its_page(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_user()).get(personal(factories.make_customer(acme)), status=303).follow()
    page.post("/Portal/@acme.example/Associate/Ask", {str(f["name"]): f["value"] for f in page.find_form()("input")})
    assert page.location == "/Portal/@acme.example/Associate"
    assert db.session.query(AccessRequest).count() == 0


def test_records_with_the_confirmed_address_are_offered_and_bound_by_a_click(page: Page, acme: Vendor) -> None:
    factories.set_terms(acme)
    user = factories.make_user("ada@engine.example")
    waiting = factories.make_customer(acme, name="Waiting", email="Ada@Engine.example")
    disabled = factories.make_customer(acme, name="Disabled", email=user.email, enable_customer_association=False)
    bound = factories.make_customer(acme, name="Bound", email=user.email, allow_multiple_user_association=True)
    factories.make_association(factories.make_user(), bound)
    page.sign_in(user).get("/Portal/@acme.example/")
    assert "Records are waiting for you" in page.text

    page.get("/Portal/@acme.example/Associate/Offers")
    assert "Waiting" in page.text and "Disabled" not in page.text and "Bound" not in page.text
    assert not is_bound(user, waiting)
    page.submit({"customer": str(waiting.id)}, status=422)
    assert "Please accept the terms to go on." in page.text
    page.submit({"customer": str(waiting.id), "accept_terms": "y"})
    assert is_bound(user, waiting)
    assert db.session.query(TermsAcceptance).one().customer_id == waiting.id
    for other in (disabled, bound):
        page.get("/Portal/@acme.example/Associate/Offers")
        assert not page.soup.select(f"button[value='{other.id}']")


@pytest.mark.parametrize("number", ["", "x", "0", "٣", "99999999999999999999", "other"])
def test_only_an_offered_record_can_be_taken(page: Page, acme: Vendor, globex: Vendor, number: str) -> None:
    user = factories.make_user()
    factories.make_customer(acme, email=user.email)
    other = factories.make_customer(acme)
    factories.make_customer(globex, email=user.email)
    page.sign_in(user).get("/Portal/@acme.example/Associate/Offers")

    page.submit({"customer": str(other.id) if number == "other" else number}, status=404)
    assert db.session.query(Association).count() == 0


def test_an_unconfirmed_address_is_offered_nothing(acme: Vendor) -> None:
    user = factories.make_user(email_confirmed_at=None)
    factories.make_customer(acme, email=user.email)
    assert binding.list_offers(acme, user) == []


def test_without_offers_the_page_says_so(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_user()).get("/Portal/@acme.example/Associate/Offers")
    assert "Nothing is waiting for you" in page.text


def test_a_user_leaves_a_customer(page: Page, acme: Vendor) -> None:
    user = factories.make_user()
    kept, left = factories.make_customer(acme, name="Kept"), factories.make_customer(acme, name="Left")
    factories.make_association(user, kept)
    factories.make_association(user, left)
    page.sign_in(user).get("/Portal/@acme.example/Account/Leave")
    assert "Kept" in page.text and "Left" in page.text

    page.submit(form=f"form:has(input[name=customer][value='{left.id}'])")
    assert is_bound(user, kept) and not is_bound(user, left)
    entry = db.session.query(AuditEntry).filter_by(action="associate.leave").one()
    assert (entry.record, entry.actor_label) == (f"customer:{left.id}", user.email)


def test_who_left_the_last_customer_sees_what_to_do(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_customer_user(acme)).get("/Portal/@acme.example/Account/Leave")
    page.submit().follow()
    assert "Your account is not linked yet" in page.text


@pytest.mark.parametrize("number", ["", "x", "99999999999999999999", "other"])
def test_nobody_leaves_for_somebody_else(page: Page, acme: Vendor, number: str) -> None:
    user, other = factories.make_customer_user(acme), factories.make_customer_user(acme)
    foreign = db.session.query(Association).filter_by(user_id=other.id).one()
    page.sign_in(user).get("/Portal/@acme.example/Account/Leave")

    page.submit({"customer": str(foreign.customer_id) if number == "other" else number}, status=404)
    assert db.session.query(Association).count() == 2


def test_who_left_gets_a_new_record_by_the_generic_link(page: Page, acme: Vendor) -> None:
    page.sign_in(factories.make_user())
    for _time in range(2):
        page.get(links.sign_up_link(acme), status=303).follow().submit()
        page.get("/Portal/@acme.example/Account/Leave").submit()
    assert db.session.query(Customer).count() == 2
    assert db.session.query(GenericSignUp).count() == 0


def test_staff_detach_an_account_and_its_seat_is_free_again(app: object, page: Page, acme: Vendor) -> None:
    first, customer = factories.make_user(), factories.make_customer(acme)
    factories.make_association(first, customer)
    assert [user.email for _bound, user in associate.list_users(acme, customer)] == [first.email]
    associate.detach(acme, customer, first.id)
    db.session.commit()

    assert associate.list_users(acme, customer) == []
    assert db.session.query(AuditEntry).filter_by(action="associate.detach").one().record == f"customer:{customer.id}"
    page.sign_in(first).get("/Portal/@acme.example/Licenses", status=303)
    second = factories.make_user()
    Page(app).sign_in(second).get(personal(customer), status=303).follow().submit()  # type: ignore[arg-type]
    assert is_bound(second, customer)
    with pytest.raises(NotFound):
        associate.detach(acme, customer, first.id)


def test_switching_association_off_keeps_bindings(page: Page, acme: Vendor) -> None:
    user, customer = factories.make_user(), factories.make_customer(acme)
    factories.make_association(user, customer)
    customer.enable_customer_association = False
    db.session.commit()
    page.sign_in(user).get("/Portal/@acme.example/Licenses")


def test_the_personal_link_goes_out_by_mail(acme: Vendor) -> None:
    customer = factories.make_customer(acme, name="Ada", email="ada@engine.example")
    associate.mail_personal_link(acme, customer)
    mail = sent_mails("ada@engine.example")[0]
    assert personal(customer) in mail.links
    assert "Hello Ada," in mail.text
    assert db.session.query(AuditEntry).filter_by(action="personal_link.mail").count() == 1


def test_there_must_be_a_link_and_an_address_to_mail(acme: Vendor) -> None:
    without_address = factories.make_customer(acme, email="")
    revoked = factories.make_customer(acme, link_revoked_at=clock.now())
    for customer in (without_address, revoked):
        with pytest.raises(Conflict):
            associate.mail_personal_link(acme, customer)
    assert not sent_mails()


def test_making_and_stopping_links_is_audited(acme: Vendor) -> None:
    customer = factories.make_customer(acme)
    links.rotate_sign_up(acme)
    links.rotate_personal(acme, customer)
    links.revoke_personal(acme, customer)
    links.revoke_personal(acme, customer)
    db.session.commit()
    actions = [entry.action for entry in db.session.query(AuditEntry).order_by(AuditEntry.id)]
    assert actions == ["sign_up_link.rotate", "personal_link.rotate", "personal_link.revoke"]
