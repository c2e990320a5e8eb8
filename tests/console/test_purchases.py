"""What a customer has bought, on the customer's page and on the page of each license."""

from __future__ import annotations

from datetime import timedelta

from portal import clock
from portal.billing.models import Order, Plan, StripeAccount, Subscription
from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.vendors.models import Vendor
from tests.factories import make_customer, make_license, make_product
from tests.support.page import Page


def sell(acme: Vendor, license: License, *, livemode: bool = False) -> Subscription:
    """A running subscription for a license, as it is kept."""
    whose = {"vendor_id": acme.id, "customer_id": license.customer_id, "livemode": livemode}
    price = {"amount_minor": 1900, "currency": "eur"}
    bought = Purchase(
        **whose, **price, stripe_id="sub_1", status="active", state="served", bought='[["price_1", 2], ["price_2", 1]]'
    )
    subscription = Subscription(
        **whose,
        **price,
        stripe_id="sub_1",
        stripe_customer_id="cus_1",
        status="active",
        interval="month",
        license_global_id=license.global_id,
        period_end=clock.now() + timedelta(days=20),
    )
    db.session.add_all([StripeAccount(vendor_id=acme.id, account_id="acct_1"), bought, subscription])
    db.session.add(Plan(vendor_id=acme.id, price_id="price_1", livemode=livemode, stripe_product_id="p", name="Studio"))
    db.session.flush()
    unit = PaidUnit(
        vendor_id=acme.id,
        stripe_id="sub_1",
        source="si_1",
        ordinal=0,
        license_global_id=license.global_id,
        paid_until=clock.now() + timedelta(days=30),
    )
    db.session.add(unit)
    db.session.commit()
    return subscription


def test_without_purchases_the_page_says_how_one_gets_there(desk: Page, acme: Vendor) -> None:
    desk.get(f"/Customer/Edit/{make_customer(acme).id}")
    assert "Nothing was bought yet." in desk.soup.select_one("#purchases").get_text()


def test_a_purchase_shows_plan_price_end_license_and_stripe_id(desk: Page, acme: Vendor) -> None:
    license = make_license(acme, make_product(acme), make_customer(acme))
    sell(acme, license)
    desk.get(f"/Customer/Edit/{license.customer_id}")

    card = desk.soup.select_one("#purchases")
    text = card.get_text(" ")
    for said in ("2 × Studio, 1 × price_2", "served", "active", "€19.00 per month", "sub_1"):
        assert said in text
    assert card.select_one(f'a[href="/License/{license.global_id}"]')
    link = card.select_one('a[href$="/subscriptions/sub_1"]')
    assert link["href"] == "https://dashboard.stripe.com/acct_1/test/subscriptions/sub_1"


def test_in_live_mode_the_link_leads_to_live_data(desk: Page, acme: Vendor) -> None:
    license = make_license(acme, make_product(acme), make_customer(acme))
    sell(acme, license, livemode=True)
    desk.get(f"/License/{license.global_id}")
    link = desk.soup.select_one('a[href$="/subscriptions/sub_1"]')
    assert link["href"] == "https://dashboard.stripe.com/acct_1/subscriptions/sub_1"


def test_the_page_of_a_license_says_what_pays_for_it(desk: Page, acme: Vendor) -> None:
    license = make_license(acme, make_product(acme), make_customer(acme))
    other = make_license(acme, make_product(acme), make_customer(acme))
    sell(acme, license)
    desk.get(f"/License/{license.global_id}")
    assert "sub_1" in desk.text and "€19.00 per month" in desk.text
    desk.get(f"/License/{other.global_id}")
    assert "sub_1" not in desk.text


def test_an_order_that_waits_for_the_bank_stands_there_once(desk: Page, acme: Vendor) -> None:
    customer = make_customer(acme)
    whose = {"vendor_id": acme.id, "customer_id": customer.id, "livemode": False}
    order = Order(**whose, id="o1", price_id="price_1", mode="payment", state="waiting", session_id="cs_1", quantity=3)
    db.session.add(order)
    db.session.commit()
    desk.get(f"/Customer/Edit/{customer.id}")
    assert "waiting for money" in desk.soup.select_one("#purchases").get_text()

    db.session.add(Purchase(**whose, stripe_id="cs_1", status="unpaid", state="waiting"))
    db.session.commit()
    desk.get(f"/Customer/Edit/{customer.id}")
    assert len(desk.soup.select("#purchases tbody tr")) == 1


def test_what_another_vendor_sold_is_not_shown(desk: Page, acme: Vendor, globex: Vendor) -> None:
    theirs = make_license(globex, make_product(globex), make_customer(globex))
    sell(globex, theirs)
    mine = make_license(acme, make_product(acme), make_customer(acme))
    assert theirs.customer_id == mine.customer_id
    for path in (f"/Customer/Edit/{mine.customer_id}", f"/License/{mine.global_id}"):
        assert "sub_1" not in desk.get(path).text
