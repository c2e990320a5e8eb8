"""Odd requests at the pages of money, by strangers, customers and staff: a clear answer, nothing done, never a 500."""

from __future__ import annotations

import contextvars
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.account.models import User
from portal.audit.models import AuditEntry
from portal.extensions import db
from tests import factories
from tests.fulfillment.story import Story
from tests.security.test_bad_input import ODD_IDS, ODD_TEXTS
from tests.support.page import Page

Request = tuple[str, str, dict[str, str]]  # method, path, fields
PORTAL = "/Portal/@acme.example"
TYPED = ["\x00", "'", '"><script>', "A" * 5000, "sub_1/../../v1/customers", "-1", "1e9", "99999999999", "١", "\u202e"]
ADDRESSES = [
    f"{PORTAL}/Billing/Return?order={{}}",
    f"{PORTAL}/Billing/Return?customer={{}}",
    f"{PORTAL}/Claim?auth={{}}",
    "/api/subscription/StripeUrl?id={}",
    "/Reconciliation?kind={}",
    "/Reconciliation?before={}",
    "/Reconciliation/{}",
    "/Reconciliation/1?q={}",
    "/Reconciliation/Export?kind={}",
    "/Reconciliation/Events?before={}",
    "/StripeDoctor/Price?id={}",
]
BY_CUSTOMERS = [
    (f"{PORTAL}/Billing/Checkout", ("price", "customer", "quantity")),
    (f"{PORTAL}/Billing/Portal", ("flow", "subscription", "customer")),
    (f"{PORTAL}/Claim", ("auth", "customer")),
]
BY_STAFF = [
    ("/StripeDoctor/Bind", ("product", "product_id")),
    ("/StripeDoctor/Feature", ("name",)),
    ("/StripeDoctor/Address", ("customer_id",)),
    ("/StripeDoctor/Product", ("token", "name", "amount", "currency", "product_id", "image_url", "interval")),
    ("/Reconciliation/1/DryRun", ("customer_id",)),
    ("/Reconciliation/1/Repair", ("customer_id", "seal")),
]


@pytest.fixture
def customer_page(story: Story) -> Page:
    """A customer on the page of plans."""
    user = factories.make_user()
    factories.make_association(user, story.customer())
    return Page(story.app).sign_in(user).get(f"{PORTAL}/Plans")


@pytest.fixture
def staff_page(story: Story) -> Page:
    """An owner on the desk, where a payment waits for somebody to claim it."""
    story.happens(story.buy(buyer=story.shop.customer(email="payer@mail.example")))
    owner = db.session.scalars(select(User).where(User.email_key == "owner@acme.example")).one()
    return Page(story.app).sign_in(owner, vendor=story.vendor).get("/StripeDoctor/Product")


def answers(page: Page, requests: Iterable[Request]) -> dict[int, Request]:
    """The statuses of the answers, each with the last request that got it."""
    found = {}
    for method, path, fields in requests:
        db.session.rollback()
        given: dict[str, Any] = {"method": method, "data": fields, "base_url": "http://localhost"}
        answer = contextvars.Context().run(partial(page.client.open, path, **given))
        found[answer.status_code] = (method, path, fields)
    return found


def mistakes(found: dict[int, Request]) -> dict[int, Request]:
    """Answers that are a mistake of ours."""
    return {status: request for status, request in found.items() if status >= 500}


def posts(page: Page, forms: list[tuple[str, tuple[str, ...]]]) -> list[Request]:
    """Each field of each form with each odd text, with the token of the page."""
    form = page.soup.select_one("form:has([name=csrf_token])")
    assert form is not None
    hidden = {str(one["name"]): str(one["value"]) for one in form.select("[name=csrf_token], [name=vendor]")}
    return [
        ("POST", path, {**dict.fromkeys(names, "1"), name: text, **hidden})
        for path, names in forms
        for name in names
        for text in TYPED
    ]


def test_addresses(story: Story, customer_page: Page, staff_page: Page) -> None:
    odd: list[Request] = [("GET", address.format(text), {}) for address in ADDRESSES for text in ODD_TEXTS + ODD_IDS]
    odd += [("POST", address.format(ODD_TEXTS[0]), {}) for address in ADDRESSES]

    for page in (Page(story.app), customer_page, staff_page):
        assert mistakes(answers(page, odd)) == {}


def test_what_customers_send(story: Story, customer_page: Page) -> None:
    before = _entries()
    found = answers(customer_page, posts(customer_page, BY_CUSTOMERS))

    assert (mistakes(found), _entries()) == ({}, before)
    assert {303, 404, 422} <= set(found)


def test_what_staff_send(story: Story, staff_page: Page) -> None:
    before = _entries()
    found = answers(staff_page, posts(staff_page, BY_STAFF))

    assert (mistakes(found), _entries()) == ({}, before)
    assert {303, 404, 422} <= set(found)


def _entries() -> int:
    """How much has happened, by the audit log."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0
