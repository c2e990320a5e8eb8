"""Receipts: seen and downloaded by those who accepted, listed for staff, never changed."""

from __future__ import annotations

from portal.account.models import User
from portal.extensions import db
from portal.terms import service as terms
from portal.terms.models import TermsAcceptance
from portal.vendors.models import Vendor
from tests import factories
from tests.support.page import Page

RECEIPT = "/Portal/@acme.example/Terms/Receipt"


def accept(vendor: Vendor, user: User, version: int = 1) -> TermsAcceptance:
    made = terms.accept(vendor, user.id, user.email, None, "https://acme.example/terms", version)
    db.session.commit()
    return made


def test_a_customer_sees_and_downloads_the_receipt(page: Page, acme: Vendor) -> None:
    user = factories.make_customer_user(acme)
    made = accept(acme, user, 4)
    page.sign_in(user).get(RECEIPT)
    assert "https://acme.example/terms" in page.text and user.email in page.text

    page.get(f"{RECEIPT}/{made.id}")
    assert page.response.mimetype == "text/plain"
    assert page.response.headers["Content-Disposition"] == f'attachment; filename="terms-receipt-{made.id}.txt"'
    text = page.response.get_data(as_text=True)
    for fact in ("Acme", "Version: 4", user.email, made.accepted_at.isoformat(), "https://acme.example/terms"):
        assert fact in text


def test_a_receipt_of_somebody_else_is_not_found(page: Page, acme: Vendor, globex: Vendor) -> None:
    user, other = factories.make_customer_user(acme), factories.make_customer_user(acme)
    page.sign_in(user)
    page.get(f"{RECEIPT}/{accept(acme, other).id}", status=404)
    page.get(f"{RECEIPT}/{accept(globex, user).id}", status=404)
    page.get(RECEIPT)
    assert "No receipts yet" in page.text


def test_a_user_agent_of_any_length_is_kept_in_part(page: Page, acme: Vendor) -> None:
    factories.set_terms(acme)
    page.sign_in(factories.make_customer_user(acme)).get("/Portal/@acme.example/Terms")
    page.submit({"accept_terms": "y"}, headers={"User-Agent": "é" * 5000})
    assert len(db.session.query(TermsAcceptance).one().user_agent) == 300


def test_staff_see_who_is_on_which_version_page_by_page(acme: Vendor, globex: Vendor) -> None:
    users = [factories.make_user() for _number in range(5)]
    for user in users:
        accept(acme, user, 1)
    accept(acme, users[0], 2)
    accept(globex, users[1], 9)

    first = terms.list_for(acme, limit=2)
    assert [(row.user_email, row.version) for row in first] == [(users[0].email, 2), (users[4].email, 1)]
    rest = terms.list_for(acme, before_id=first[-1].id, limit=10)
    assert [row.user_email for row in rest] == [users[3].email, users[2].email, users[1].email]


def test_an_acceptance_outlives_the_account(acme: Vendor) -> None:
    user = factories.make_user()
    accept(acme, user)
    db.session.delete(user)
    db.session.commit()
    assert terms.list_for(acme)[0].user_email == user.email
