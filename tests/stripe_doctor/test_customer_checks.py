"""Checks of customers and subscriptions, and their repairs."""

from __future__ import annotations

from datetime import timedelta

from portal import clock
from portal.billing import service as billing
from portal.billing.models import StripeCustomer
from portal.extensions import db
from portal.fulfillment.models import Purchase
from portal.vendors.models import Vendor
from tests.factories import make_customer
from tests.stripe_doctor.conftest import Clinic, press, send
from tests.support.page import Page


def customer_codes(clinic: Clinic) -> list[str]:
    """What a run finds about customers."""
    return [one.code for one in clinic.run().found if one.group == "customers"]


def link(clinic: Clinic, vendor: Vendor, stripe_id: str, email: str = "ada@mail.example") -> int:
    """One of our customers, linked to one at Stripe."""
    customer = make_customer(vendor, email=email)
    row = {"vendor_id": vendor.id, "customer_id": customer.id, "livemode": False, "state": "linked"}
    db.session.add(StripeCustomer(stripe_id=stripe_id, **row))
    db.session.commit()
    return int(customer.id)


def test_a_missing_address_is_written_with_one_click(clinic: Clinic, desk: Page, vendor: Vendor) -> None:
    nobody = clinic.v1.customers.create({"name": "Nobody"})
    known = clinic.v1.customers.create({"name": "Ada"})
    link(clinic, vendor, known.id)
    assert customer_codes(clinic) == ["email_missing", "email_missing"]
    press(desk, "Address")
    assert clinic.v1.customers.retrieve(known.id).email == "ada@mail.example"
    assert clinic.the("email_missing").about == nobody.id


def test_an_address_that_differs_is_written_with_one_click(clinic: Clinic, desk: Page, vendor: Vendor) -> None:
    known = clinic.v1.customers.create({"email": "old@mail.example"})
    customer_id = link(clinic, vendor, known.id)
    found = clinic.the("email_differs")
    assert found.values == {"customer_id": customer_id, "ours": "ada@mail.example", "theirs": "old@mail.example"}
    press(desk, "Address")
    assert customer_codes(clinic) == []


def test_another_case_is_the_same_address(clinic: Clinic, vendor: Vendor) -> None:
    link(clinic, vendor, clinic.v1.customers.create({"email": "ADA@mail.example"}).id)
    assert customer_codes(clinic) == []


def test_of_customers_with_one_address_the_one_stripes_login_page_opens_is_named(clinic: Clinic, desk: Page) -> None:
    oldest = clinic.shop.customer(email="twin@mail.example")
    paying = clinic.shop.customer(email="Twin@mail.example")
    newest = clinic.shop.customer(email="twin@mail.example")
    clinic.shop.customer(email="single@mail.example")
    found = clinic.the("email_duplicate")
    assert found.values["ids"] == [newest.id, paying.id, oldest.id]
    assert found.values["pick"] == "", "without an active subscription it opens none"

    clinic.shop.subscribe(oldest)
    clinic.shop.subscribe(paying)
    assert clinic.the("email_duplicate").values["pick"] == paying.id
    assert f"opens the newest one with an active subscription: {paying.id}." in desk.get("/StripeDoctor").text


def test_a_counterpart_that_stripe_has_deleted(clinic: Clinic, vendor: Vendor) -> None:
    known = clinic.v1.customers.create({"email": "ada@mail.example"})
    customer_id = link(clinic, vendor, known.id)
    clinic.v1.customers.delete(known.id)
    other = link(clinic, vendor, "cus_ofanotheraccount", email="bob@mail.example")
    found = {one.values["customer_id"] for one in clinic.run().found if one.code == "customer_gone"}
    assert found == {customer_id, other}


def test_how_much_was_looked_at_is_said_exactly(clinic: Clinic, desk: Page, vendor: Vendor) -> None:
    for number in range(3):
        made = clinic.v1.customers.create({"email": f"one{number}@mail.example"})
        link(clinic, vendor, made.id, email=f"one{number}@mail.example")
    counts = clinic.run().counts
    assert (counts["customers"], counts["addresses"]) == ((3, 3), (3, 3))
    assert "Addresses compared 3 of 3" in desk.get("/StripeDoctor").text


def test_a_subscription_that_says_it_was_charged_without_a_key(clinic: Clinic, desk: Page) -> None:
    metadata = {"skm_temp_var": "This parameter will replaced"}
    made = clinic.shop.subscribe(clinic.shop.customer(), metadata=metadata)
    assert "charged_without_key" not in customer_codes(clinic), "its key may be on the way"
    clinic.move(minutes=6)
    assert clinic.the("charged_without_key").about == made.id
    desk.get("/StripeDoctor")
    assert desk.soup.select_one('main a[href="/Reconciliation"]')


def test_nothing_is_missing_while_the_bank_is_waited_for(clinic: Clinic) -> None:
    metadata = {"skm_temp_var": "This parameter will replaced"}
    made = clinic.shop.subscribe(clinic.shop.customer(), metadata=metadata)
    clinic.move(minutes=6)
    read = clock.now() - timedelta(minutes=6)
    db.session.add(Purchase(vendor_id=clinic.vendor_id, stripe_id=made.id, state="waiting", fetched_at=read))
    db.session.commit()
    assert "charged_without_key" not in customer_codes(clinic)
    clinic.move(hours=7)
    assert clinic.the("charged_without_key").about == made.id, "nobody has read it for hours"


def test_an_address_is_written_for_our_own_customers_only(
    clinic: Clinic, desk: Page, vendor: Vendor, globex: Vendor
) -> None:
    billing.set_account(globex, api_key="sk_test_doctorglobex1")
    made = clinic.v1.customers.create({"email": "theirs@mail.example"})
    foreign = make_customer(globex, email="foreign@mail.example")
    row = {"vendor_id": globex.id, "customer_id": foreign.id, "livemode": False, "state": "linked"}
    db.session.add(StripeCustomer(stripe_id=made.id, **row))
    db.session.commit()
    for customer_id in (foreign.id, 99999999999):
        send(desk.get("/StripeDoctor"), "/Address", 404, customer_id=str(customer_id))
    assert clinic.v1.customers.retrieve(made.id).email == "theirs@mail.example"
