"""Re-reading Stripe: who is whose, which license a subscription pays, and what never happens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.billing import service as billing
from portal.billing.account import connection_of
from portal.billing.models import StripeCustomer, Subscription
from portal.billing.sync import Plan, apply, gather
from portal.errors import Conflict, NotFound
from portal.extensions import db
from portal.unit_of_work import NotAllowedNow
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests.billing.shop import Shop
from tests.factories import make_customer, make_license, make_product


def stored(stripe_id: str) -> Subscription:
    """A subscription row as it is now."""
    db.session.expire_all()
    return db.session.scalars(select(Subscription).where(Subscription.stripe_id == stripe_id)).one()


def test_a_subscription_is_linked_by_global_id(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    license = make_license(vendor, customer=customer)
    bought = shop.subscribe(shop.customer(customer), license)

    result = billing.sync(vendor)
    db.session.commit()

    row = stored(bought.id)
    assert (result.subscriptions, result.linked) == (1, 1)
    assert (row.customer_id, row.license_global_id, row.status) == (customer.id, license.global_id, "active")
    assert (row.amount_minor, row.currency, row.interval, row.plan_name) == (1900, "usd", "month", "Widget Studio")
    assert row.period_end is not None
    assert not row.livemode


def test_a_subscription_is_linked_by_product_and_key_id(vendor: Vendor, shop: Shop) -> None:
    product, customer = make_product(vendor), make_customer(vendor)
    make_license(vendor, product, customer)
    second = make_license(vendor, product, customer)
    bought = shop.subscribe(shop.customer(customer), metadata={"skm_key_id": "2"})

    assert billing.sync(vendor).linked == 1
    assert stored(bought.id).license_global_id == second.global_id


def test_the_same_address_alone_links_nothing(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    bought = shop.subscribe(shop.customer(email=customer.email))

    assert billing.sync(vendor).linked == 0
    assert stored(bought.id).customer_id is None
    billing.sync(vendor, customer.id)
    assert db.session.scalar(select(StripeCustomer.stripe_id)) is None


def test_one_customer_is_found_by_address_and_metadata_together(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    mine = shop.customer(customer)
    shop.customer(email=customer.email)
    shop.subscribe(mine)

    assert billing.sync(vendor, customer.id).subscriptions == 1
    assert db.session.scalars(select(StripeCustomer.stripe_id)).all() == [mine.id]


def test_a_key_of_another_customer_is_not_linked(vendor: Vendor, shop: Shop) -> None:
    buyer, other = make_customer(vendor), make_customer(vendor)
    bought = shop.subscribe(shop.customer(buyer), make_license(vendor, customer=other))

    assert billing.sync(vendor).linked == 0
    assert (stored(bought.id).customer_id, stored(bought.id).license_global_id) == (buyer.id, None)


def test_a_license_given_to_somebody_else_takes_no_subscription_along(vendor: Vendor, shop: Shop) -> None:
    payer, heir = make_customer(vendor), make_customer(vendor)
    license = make_license(vendor, customer=payer)
    bought = shop.subscribe(shop.customer(), license)
    billing.sync(vendor)
    assert stored(bought.id).customer_id == payer.id

    license.customer_id = heir.id
    db.session.commit()
    billing.sync(vendor)
    assert stored(bought.id).customer_id == payer.id


def test_a_key_of_another_vendor_is_not_linked(vendor: Vendor, globex: Vendor, shop: Shop) -> None:
    make_license(globex)
    foreign = make_license(globex)
    bought = shop.subscribe(shop.customer(make_customer(vendor)), foreign)

    assert billing.sync(vendor).linked == 0
    assert stored(bought.id).license_global_id is None


@pytest.mark.parametrize("typed", ["", "0", "-1", "abc", "١", "99999999999999999999", "9223372036854775808", "12"])
def test_what_people_type_into_metadata_breaks_nothing(vendor: Vendor, shop: Shop, typed: str) -> None:
    metadata = {"skm_key_globalid": typed, "skm_key_id": typed, "skm_customer_id": typed}
    bought = shop.subscribe(shop.customer(metadata={"skm_customer_id": typed}), metadata=metadata)

    assert billing.sync(vendor).linked == 0
    assert stored(bought.id).customer_id is None


def test_a_link_outlives_metadata_that_was_removed(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    license = make_license(vendor, customer=customer)
    bought = shop.subscribe(shop.customer(customer), license)
    billing.sync(vendor)
    db.session.commit()
    shop.v1.subscriptions.update(bought.id, {"metadata": {"skm_key_globalid": ""}})
    billing.sync(vendor)
    db.session.commit()

    assert stored(bought.id).license_global_id == license.global_id


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_both_ways_to_cancel_have_an_end(vendor: Vendor, shop: Shop, mode: str) -> None:
    bought = shop.subscribe(shop.customer(make_customer(vendor)), billing_mode={"type": mode})
    shop.v1.subscriptions.update(bought.id, {"cancel_at_period_end": True})
    billing.sync(vendor)

    assert stored(bought.id).cancel_at == stored(bought.id).period_end is not None


def test_an_older_read_never_overwrites_a_newer_one(vendor: Vendor, shop: Shop) -> None:
    bought = shop.subscribe(shop.customer(make_customer(vendor)))
    connection = connection_of(vendor)
    assert connection is not None
    older = gather(Plan(vendor.id, connection, whole=True))
    shop.v1.subscriptions.cancel(bought.id)
    clock.move(timedelta(seconds=1))
    billing.sync(vendor)
    apply(db.session.connection(), vendor.id, older)
    db.session.commit()

    assert stored(bought.id).status == "canceled"
    assert stored(bought.id).ended_at is not None


def test_test_and_live_data_never_mix(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    db.session.add(
        StripeCustomer(
            vendor_id=vendor.id, customer_id=customer.id, livemode=True, stripe_id="cus_live", state="linked"
        )
    )
    db.session.commit()
    mine = shop.customer(customer)
    billing.sync(vendor)
    db.session.commit()

    rows = db.session.execute(select(StripeCustomer.livemode, StripeCustomer.stripe_id).order_by("livemode")).all()
    assert [tuple(row) for row in rows] == [(False, mine.id), (True, "cus_live")]


def test_a_customer_deleted_at_stripe_is_stale_and_its_subscription_over(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    mine = shop.customer(customer)
    bought = shop.subscribe(mine)
    billing.sync(vendor)
    db.session.commit()
    shop.v1.customers.delete(mine.id)
    billing.sync(vendor)
    db.session.commit()

    assert stored(bought.id).status == "canceled"


def test_everything_of_a_large_account_is_read(vendor: Vendor, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.billing.gateway.calls.PAGE", 2)
    for _ in range(5):
        customer = make_customer(vendor)
        shop.subscribe(shop.customer(customer), make_license(vendor, customer=customer))

    assert billing.sync(vendor).linked == 5


def test_a_customer_keeps_the_counterpart_it_has(vendor: Vendor, shop: Shop) -> None:
    customer = make_customer(vendor)
    first = shop.customer(customer)
    billing.sync(vendor)
    db.session.commit()
    double = shop.customer(customer)
    bought = shop.subscribe(double)
    billing.sync(vendor)
    db.session.commit()

    assert db.session.scalars(select(StripeCustomer.stripe_id)).all() == [first.id]
    assert stored(bought.id).customer_id == customer.id


def test_another_vendors_customer_is_not_found(vendor: Vendor, globex: Vendor) -> None:
    make_customer(globex)
    for number in (1, 0, 2**31, 2**63):
        with pytest.raises(NotFound):
            billing.sync(vendor, number)


def test_without_a_key_there_is_nothing_to_read(acme: Vendor) -> None:
    with pytest.raises(Conflict):
        billing.sync(acme)


def test_changes_in_hand_are_never_dropped_silently(vendor: Vendor) -> None:
    profile = vendors.profile_of(vendor)
    vendor.name = "Changed"
    with pytest.raises(NotAllowedNow):
        billing.sync(profile)


def test_a_new_account_forgets_what_the_old_one_said(vendor: Vendor, shop: Shop, app: Flask) -> None:
    shop.subscribe(shop.customer(make_customer(vendor)))
    billing.sync(vendor)
    db.session.commit()
    billing.set_account(vendor, api_key="sk_test_another_account_1")
    db.session.commit()

    assert db.session.scalars(select(Subscription)).all() == []
    assert db.session.scalars(select(StripeCustomer)).all() == []
