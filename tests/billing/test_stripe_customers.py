"""A customer's counterpart at Stripe: one, whatever happens in between."""

from __future__ import annotations

import threading

from flask import Flask
from sqlalchemy import select

from portal.billing import stripe_customers
from portal.billing.models import StripeCustomer
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from portal.vendors.service import VendorProfile
from tests.billing.shop import Shop
from tests.factories import make_customer


def link(vendor: VendorProfile | Vendor, customer_id: int) -> str:
    """What an edge does."""
    intent = stripe_customers.intend(vendor, customer_id)
    db.session.commit()
    stripe_id = intent.stripe_id or stripe_customers.keep(intent, stripe_customers.make(intent))
    db.session.commit()
    return stripe_id


def test_a_counterpart_carries_our_id(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor, name="Ada Example", email="Ada@Mail.Example")
    stripe_id = link(vendor, customer.id)

    made = shop.v1.customers.retrieve(stripe_id)
    assert (made.email, made.name) == ("ada@mail.example", "Ada Example")
    assert made.metadata["skm_customer_id"] == str(customer.id)
    assert link(vendor, customer.id) == stripe_id


def test_a_customer_without_address_gets_one_too(vendor: Vendor, shop: Shop) -> None:
    stripe_id = link(vendor, make_customer(vendor, email="").id)
    assert shop.v1.customers.retrieve(stripe_id).email is None


def test_racing_clicks_make_one_customer(app: Flask, vendor: Vendor, shop: Shop) -> None:
    customer_id, profile = make_customer(vendor, email="").id, vendors.profile_of(vendor)
    db.session.commit()
    start, found = threading.Barrier(4), []

    def click() -> None:
        with app.app_context():
            start.wait()
            found.append(link(profile, customer_id))
            db.session.remove()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(shop.v1.customers.list({}).data) == 1


def test_a_reply_lost_after_the_commit_finds_the_same_customer(vendor: Vendor, shop: Shop) -> None:
    customer_id = make_customer(vendor, email="").id
    intent = stripe_customers.intend(vendor, customer_id)
    db.session.commit()
    lost = stripe_customers.make(intent)

    assert link(vendor, customer_id) == lost.id
    assert len(shop.v1.customers.list({}).data) == 1


def test_a_counterpart_made_long_ago_is_found_by_its_metadata(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    shop.customer(email=customer.email)
    mine = shop.customer(customer)

    assert link(vendor, customer.id) == mine.id


def test_a_stale_counterpart_is_replaced(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor, email="")
    first = link(vendor, customer.id)
    shop.v1.customers.delete(first)
    stripe_customers.mark_stale(vendor, first)
    db.session.commit()

    second = link(vendor, customer.id)
    assert second != first
    row = db.session.scalars(select(StripeCustomer)).one()
    assert (row.stripe_id, row.state) == (second, "linked")
