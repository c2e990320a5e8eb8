"""The customer's license pages: every state, whose they are, and how much they ask of the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from portal import clock
from portal.billing.models import StripeAccount, Subscription
from portal.customers.models import Customer
from portal.extensions import db
from portal.formatters import date_in
from portal.licenses.models import License
from portal.vendors.models import Vendor
from tests.factories import (
    make_association,
    make_customer,
    make_license,
    make_machine,
    make_product,
    make_user,
)
from tests.support.page import Page
from tests.support.queries import counted

LICENSES, BILLING = "/Portal/@acme.example/Licenses", "/Portal/@acme.example/Billing"


@pytest.fixture
def customer(acme: Vendor, page: Page) -> Customer:
    """A customer of Acme whose user is signed in."""
    user, made = make_user(), make_customer(acme, name="First Company")
    make_association(user, made)
    page.sign_in(user)
    return made


def subscribe(license: License, **fields: Any) -> Subscription:
    """A stored test-mode subscription that pays the license."""
    if db.session.get(StripeAccount, license.vendor_id) is None:
        db.session.add(StripeAccount(vendor_id=license.vendor_id, livemode=False))
    values = {
        "stripe_id": f"sub_{license.global_id}",
        "status": "active",
        "amount_minor": 1900,
        "currency": "usd",
        "interval": "month",
        "period_end": clock.now() + timedelta(days=20),
        "livemode": False,
        **fields,
    }
    made = Subscription(
        vendor_id=license.vendor_id,
        stripe_customer_id="cus_1",
        customer_id=license.customer_id,
        license_global_id=license.global_id,
        **values,
    )
    db.session.add(made)
    db.session.commit()
    return made


def badges(page: Page) -> list[str]:
    return [one.get_text() for one in page.soup.select(".b")]


@pytest.mark.parametrize(
    ("fields", "definitions", "shown"),
    [
        ({}, {}, []),
        ({"period": 0}, {}, ["Perpetual"]),
        ({"trial_activation": True}, {}, ["Trial license"]),
        ({"f1": True, "period": 0}, {"f1": {"name": "Try", "type": 2}}, ["Trial license", "Perpetual"]),
        ({"f1": True, "period": 0}, {"f1": {"name": "Year", "type": 1}}, []),
        ({"expires_at": clock.now() - timedelta(days=4), "block": True}, {}, ["Expired", "Blocked"]),
        ({"expires_at": clock.now() - timedelta(days=4), "period": 0}, {}, ["Perpetual"]),
    ],
)
def test_badges_say_what_a_license_is(
    page: Page, acme: Vendor, customer: Customer, fields: dict, definitions: dict, shown: list[str]
) -> None:
    license = make_license(acme, make_product(acme, feature_definitions=definitions), customer, **fields)
    page.get(LICENSES)
    assert badges(page) == shown
    page.get(f"{LICENSES}/{license.global_id}")
    assert badges(page) == shown


def test_a_card_shows_everything_about_its_license(page: Page, acme: Vendor, customer: Customer) -> None:
    product = make_product(acme, "Studio <Pro>", feature_definitions={"f1": {"name": "Export & print", "type": 0}})
    license = make_license(acme, product, customer, f1=True, f2=True, expires_at=clock.now() + timedelta(days=23))
    make_machine(license)
    page.get(LICENSES)

    assert "Studio <Pro>" in page.text
    assert "in 23 days, " in page.text
    assert "1 of 3" in page.text
    assert "Export & print, F2" in page.text
    shown = page.soup.select_one("details.key")
    assert shown.select_one("code").get_text() == "•••••-•••••-•••••-" + license.key[-5:]
    assert shown.select_one("input")["value"] == license.key


@pytest.mark.parametrize("status", ["active", "trialing"])
@pytest.mark.parametrize("period", [0, 365])
def test_a_canceled_subscription_takes_its_key_along_on_the_last_day(
    page: Page, acme: Vendor, customer: Customer, status: str, period: int
) -> None:
    end = clock.now() + timedelta(days=30)
    license = make_license(acme, customer=customer, period=period, expires_at=end + timedelta(days=3))
    subscribe(license, status=status, period_end=end, cancel_at=end)
    last, grace = date_in("en", end.date()), date_in("en", license.expires_at.date())
    free = f"free trial until {last}, then it ends"
    for path in (LICENSES, f"{LICENSES}/{license.global_id}", BILLING):
        text = page.get(path).text
        assert f"The key works until {last}." in text
        assert (free in text) is (status == "trialing")
        assert grace not in text
        assert "Paid until" not in text
    for path in (LICENSES, f"{LICENSES}/{license.global_id}"):
        assert f"Expires in 30 days, {last}" in page.get(path).text


def test_a_key_goes_on_while_one_of_its_subscriptions_does(page: Page, acme: Vendor, customer: Customer) -> None:
    license = make_license(acme, customer=customer)
    subscribe(license, stripe_id="sub_a")
    subscribe(license, stripe_id="sub_b", cancel_at=clock.now() + timedelta(days=5))
    for path in (LICENSES, f"{LICENSES}/{license.global_id}"):
        assert "in 365 days" in page.get(path).text


def test_the_days_of_grace_are_for_a_payment_that_fails(page: Page, acme: Vendor, customer: Customer) -> None:
    end = clock.now() + timedelta(days=30)
    license = make_license(acme, customer=customer, expires_at=end + timedelta(days=3))
    subscribe(license, status="trialing", period_end=end)
    last, grace = (date_in("en", at.date()) for at in (end, license.expires_at))
    told = f"If you cancel, the key works until {last}; if a payment fails, until {grace}."
    for path in (LICENSES, f"{LICENSES}/{license.global_id}", BILLING):
        assert told in page.get(path).text

    license.expires_at = end
    db.session.commit()
    assert f"If you cancel or a payment fails, the key works until {last}." in page.get(LICENSES).text


def test_a_subscription_says_what_it_means_for_a_key_that_never_expires(
    page: Page, acme: Vendor, customer: Customer
) -> None:
    subscribe(make_license(acme, customer=customer, period=0))
    page.get(LICENSES)
    assert "If you cancel or a payment fails, the key works until the paid period is over." in page.text


@pytest.mark.parametrize(
    ("fields", "said", "steps"),
    [
        (
            {},
            ["$19.00 per month", "renews on", "If you cancel, the key works until", "if a payment fails, until"],
            "change",
        ),
        ({"status": "trialing"}, ["free trial until"], "change"),
        ({"cancel_at": clock.now() + timedelta(days=9)}, ["ends on", "The key works until"], "keep"),
        ({"status": "past_due"}, ["payment failed", "to keep the key"], "pay"),
        ({"status": "unpaid"}, ["not paid"], "pay"),
        ({"status": "paused"}, ["paused"], "manage"),
        ({"status": "incomplete"}, ["waiting for the first payment"], "manage"),
        ({"status": "canceled", "ended_at": clock.now()}, ["ended on", "no longer comes with it"], None),
        ({"status": "incomplete_expired"}, ["never started"], None),
        ({"status": "brand_new"}, ["status at Stripe: brand_new", "The key stays as it is."], "manage"),
        ({"period_end": None}, ["active", "the key works until"], "change"),
        ({"interval_count": 3}, ["$19.00 every 3 months"], "change"),
        ({"amount_minor": None, "plan_name": "Metered"}, ["Metered"], "change"),
        ({"currency": "jpy"}, ["¥1,900 per month"], "change"),
    ],
)
def test_a_subscription_is_told_on_the_card(
    page: Page, acme: Vendor, customer: Customer, fields: dict, said: list[str], steps: str | None
) -> None:
    labels = {
        "change": ["Change plan", "Update card", "Cancel subscription"],
        "pay": ["Update card", "Cancel subscription"],
        "keep": ["Keep subscription"],
        "manage": ["Manage at Stripe"],
        None: [],
    }
    license = make_license(acme, customer=customer)
    subscribe(license, **fields)
    for path in (LICENSES, f"{LICENSES}/{license.global_id}"):
        page.get(path)
        for sentence in said:
            assert sentence in page.text
        assert [one.get_text() for one in page.soup.select(".sub button")] == labels[steps]
        assert ("Subscription" in badges(page)) is (steps is not None)


def test_a_blocked_key_is_told_honestly(page: Page, acme: Vendor, customer: Customer) -> None:
    subscribe(make_license(acme, customer=customer, block=True))
    assert "The key is blocked" in page.get(LICENSES).text


def test_a_key_blocked_after_the_end_is_no_riddle(page: Page, acme: Vendor, customer: Customer) -> None:
    subscribe(make_license(acme, customer=customer, block=True), status="canceled", ended_at=clock.now())
    text = page.get(LICENSES).text
    assert "The key no longer comes with it." in text
    assert "whatever happens" not in text


def test_of_several_subscriptions_the_living_are_shown(page: Page, acme: Vendor, customer: Customer) -> None:
    license = make_license(acme, customer=customer)
    subscribe(license, stripe_id="sub_old", status="canceled", ended_at=clock.now())
    subscribe(license, stripe_id="sub_a")
    subscribe(license, stripe_id="sub_b", amount_minor=2500)
    page.get(LICENSES)

    assert len(page.soup.select("article.card")) == 1
    assert len(page.soup.select(".sub")) == 2


def test_nobody_sees_licenses_of_others(page: Page, acme: Vendor, globex: Vendor, customer: Customer) -> None:
    mine = make_license(acme, make_product(acme, "Mine"), customer)
    other = make_license(acme, make_product(acme, "Others"), make_customer(acme))
    subscribe(other)
    foreign = make_license(globex, make_product(globex, "Foreign"), make_customer(globex))
    page.get(LICENSES)

    assert "Mine" in page.text
    assert "Others" not in page.text
    assert "Foreign" not in page.text
    page.get(f"{LICENSES}/{other.global_id}", status=404)
    page.get(f"{LICENSES}/{mine.global_id}")
    page.get(f"/Portal/@globex.example/Licenses/{foreign.global_id}", status=303)


def test_a_subscription_of_the_former_customer_is_not_shown(page: Page, acme: Vendor, customer: Customer) -> None:
    license = make_license(acme, customer=customer)
    subscribe(license).customer_id = make_customer(acme).id
    for path in (LICENSES, f"{LICENSES}/{license.global_id}"):
        assert "renews on" not in page.get(path).text


def test_several_customers_stand_apart(page: Page, acme: Vendor) -> None:
    user, first, second = make_user(), make_customer(acme, name="First"), make_customer(acme, name="Second")
    for customer in (first, second):
        make_association(user, customer)
        make_license(acme, customer=customer)
    page.sign_in(user).get(LICENSES)

    assert [one.get_text() for one in page.soup.select("h2:not(.vh)")] == ["Second", "First"]


def test_an_empty_list_says_what_comes(page: Page, customer: Customer) -> None:
    assert "No licenses yet" in page.get(LICENSES).text


def test_more_than_fifty_are_paged(page: Page, acme: Vendor, customer: Customer) -> None:
    product = make_product(acme)
    for _ in range(51):
        subscribe(make_license(acme, product, customer))
    page.get(LICENSES)
    assert len(page.soup.select("article.card")) == 50
    page.get(page.soup.select_one("a[rel=next]")["href"])
    assert len(page.soup.select("article.card")) == 1
    assert page.soup.select_one("a[rel=prev]")["href"] == LICENSES
    assert page.soup.select_one("a[rel=next]") is None
    assert "No older licenses" in page.get(f"{LICENSES}?before=1").text


@pytest.mark.parametrize("before", ["", "x", "-1", "1.0", "9999999999", "١", "1_0"])
def test_a_page_that_cannot_be_is_not_found(page: Page, acme: Vendor, customer: Customer, before: str) -> None:
    license = make_license(acme, customer=customer)
    for path in (LICENSES, f"{LICENSES}/{license.global_id}"):
        page.get(path, query_string={"before": before}, status=404)


@pytest.mark.parametrize("number", ["9223372036854775808", "0", "01", "1_0", "%D9%A1", "-1", "2147483648"])
def test_a_number_that_cannot_be_is_not_found(page: Page, customer: Customer, number: str) -> None:
    page.get(f"{LICENSES}/{number}", status=404)


def test_machines_are_listed_and_paged(page: Page, acme: Vendor, customer: Customer) -> None:
    license = make_license(acme, customer=customer, max_no_of_machines=0)
    for number in range(51):
        make_machine(license, f"mid-{number}", friendly_name=f"Computer <{number}>")
    page.get(f"{LICENSES}/{license.global_id}")

    assert "51, no limit" in page.text
    assert "Computer <50> mid-50 192.0.2.7" in page.text
    page.get(page.soup.select_one("a[rel=next]")["href"])
    assert len(page.soup.select("tbody tr")) == 1
    assert "Computer <0>" in page.text


@pytest.mark.parametrize("count", [1, 10, 60])
def test_the_list_asks_three_times_and_the_detail_four(
    app: Flask, page: Page, acme: Vendor, customer: Customer, count: int
) -> None:
    product = make_product(acme)
    for _ in range(count):
        license = make_license(acme, product, customer)
        make_machine(license)
        subscribe(license)
    detail = f"{LICENSES}/{license.global_id}"
    page.get(LICENSES)
    with counted(app) as seen:
        page.get(LICENSES)
    assert len(seen) <= 3, seen
    with counted(app) as seen:
        page.get(detail)
    assert len(seen) <= 4, seen


@pytest.mark.parametrize(("subscribed", "most"), [(0, 9_000), (4, 12_000), (10, 15_500)])
def test_ten_licenses_are_a_light_page(
    page: Page, acme: Vendor, customer: Customer, subscribed: int, most: int
) -> None:
    definitions = {"f1": {"name": "Export", "type": 0}, "f2": {"name": "Cloud rendering", "type": 0}}
    product = make_product(acme, "Widget Studio Professional", feature_definitions=definitions)
    for number in range(10):
        license = make_license(acme, product, customer, f1=True, f2=True)
        if number < subscribed:
            subscribe(license)
    page.get(LICENSES)
    assert len(page.response.get_data()) <= most


def test_a_stranger_is_sent_to_sign_in(page: Page, acme: Vendor) -> None:
    page.get(LICENSES, status=303)
    assert page.location == f"/Portal/@acme.example/SignIn?next={LICENSES.replace('/', '%2F').replace('@', '%40')}"
