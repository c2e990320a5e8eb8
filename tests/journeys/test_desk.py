"""The reconciliation desk in a browser: every class repaired, an unclaimed payment bound, a parked event replayed."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import stripe
from flask import Flask
from sqlalchemy import select

from portal import clock, crypto
from portal.billing import service as billing
from portal.billing.gateway import STRIPE_API_VERSION
from portal.billing.links import TEMPORARY
from portal.billing.models import StripeAccount
from portal.customers.models import Customer
from portal.extensions import db
from portal.fulfillment.models import PaidUnit
from portal.licenses.models import License
from portal.outbox import service as outbox
from portal.outbox.worker import Worker
from portal.reconciliation.found import KINDS
from portal.vendors.models import Vendor
from portal.webhooks.models import StripeEvent
from tests import factories
from tests.billing.shop import Shop
from tests.factories import PASSWORD
from tests.journeys.person import Person
from tests.journeys.site import Site

numbers = count(1)


@dataclass
class Sale:
    """A vendor who has sold a subscription, and staff at the desk."""

    app: Flask
    vendor: Vendor
    shop: Shop
    ada: Customer
    bought: Any

    def work(self, name: str = "", vendor_id: int | None = None, **given: Any) -> None:
        """A job is done by a worker, and everything it leads to."""
        if name:
            outbox.queue_job(name, vendor_id=vendor_id or self.vendor.id, **given)
        db.session.commit()
        assert contextvars.Context().run(Worker(self.app).drain).failed == 0
        db.session.expire_all()

    def compare(self) -> None:
        """The nightly comparison."""
        self.work("reconciliation.compare")

    def change(self, **fields: Any) -> None:
        """Something happens to the license."""
        license = db.session.scalars(select(License)).one()
        for name, value in fields.items():
            setattr(license, name, value)
        db.session.commit()

    def at_stripe(self, **metadata: str) -> None:
        """Somebody types metadata at Stripe."""
        self.shop.v1.subscriptions.update(self.bought.id, {"metadata": metadata})


@pytest.fixture
def sale(site: Site, vendor: Vendor) -> Sale:
    """One subscription, served."""
    key = f"sk_test_desk{next(numbers):08d}"
    client = stripe.StripeClient(
        key,
        stripe_version=STRIPE_API_VERSION,
        base_addresses={"api": site.sandbox.url},
        http_client=stripe.RequestsClient(timeout=10),
    )
    factories.make_product(vendor)
    billing.set_account(vendor, api_key=key)
    db.session.commit()
    ada = factories.make_customer(vendor, name="Ada Lovelace & Daughters Mechanical Computing Partnership")
    shop = Shop(client)
    bought = shop.subscribe(shop.customer(ada))
    sale = Sale(site.app, vendor, shop, ada, bought)
    sale.work("fulfillment.ensure", stripe_id=bought.id)
    return sale


@pytest.fixture
def desk(site: Site, sale: Sale, person: Person) -> Person:
    """A supporter, signed in."""
    staff = factories.make_staff(sale.vendor, "support")
    db.session.commit()
    email = staff.email
    person.open(f"{site.url}/SignIn").fill("E-mail", email).fill("Password", PASSWORD).click("^Sign in$")
    return person


def charged(sale: Sale) -> None:
    sale.shop.subscribe(sale.shop.customer(factories.make_customer(sale.vendor, name="Bob")))


def marked(sale: Sale) -> None:
    sale.at_stripe(**{TEMPORARY: "This parameter will replaced …"})


def unknown_to_stripe(sale: Sale) -> None:
    account = db.session.get(StripeAccount, sale.vendor.id)
    assert account is not None
    account.api_key = crypto.seal(f"sk_test_other{next(numbers):08d}", f"stripe_account:{sale.vendor.id}:api_key")
    db.session.commit()


def ended(sale: Sale) -> None:
    sale.shop.v1.subscriptions.cancel(sale.bought.id)


def blocked(sale: Sale) -> None:
    sale.change(block=True)
    db.session.scalars(select(PaidUnit)).one().blocked_because = "ended"
    db.session.commit()


def shortened(sale: Sale) -> None:
    sale.change(expires_at=clock.now() + timedelta(days=1))


def more(sale: Sale) -> None:
    item = sale.shop.v1.subscriptions.retrieve(sale.bought.id).to_dict()["items"]["data"][0]["id"]
    sale.shop.v1.subscription_items.update(item, {"quantity": 3})


def given_away(sale: Sale) -> None:
    sale.change(customer_id=factories.make_customer(sale.vendor, name="Bob").id)


def dangling(sale: Sale) -> None:
    sale.at_stripe(skm_key_globalid="9999")


def twins(sale: Sale) -> None:
    sale.shop.customer(email=sale.ada.email)


def renamed(sale: Sale) -> None:
    sale.at_stripe(skm_customer_id="4711")


def nobodys(sale: Sale) -> None:
    bought = sale.shop.subscribe(sale.shop.customer(email="stranger@mail.example"))
    sale.work("fulfillment.ensure", stripe_id=bought.id)


def given_up(sale: Sale) -> None:
    event_given_up(sale, sale.bought.id)


def event_given_up(sale: Sale, subject: str) -> None:
    now = clock.now()
    told = {"event_id": "evt_1", "sha256": "0" * 64, "raw": "", "type": "invoice.paid", "created_at": now}
    parked = {"state": "parked", "attempts": 20, "last_error": "Unreachable: Stripe does not answer right now."}
    db.session.add(StripeEvent(vendor_id=sale.vendor.id, subject=subject, **told, **parked))
    db.session.commit()


Accident = Callable[[Sale], None]
CLASSES: dict[str, tuple[Accident, str, str]] = {
    "charged_without_key": (charged, "Charged without key", "^Try it"),
    "temp_var_set": (marked, "skm_temp_var still set", "^Try it"),
    "key_without_subscription": (unknown_to_stripe, "Key without subscription", "^Try it"),
    "ended_but_valid": (ended, "Ended or refunded", "^Try it"),
    "paid_but_blocked": (blocked, "Paid but blocked", "^Try it"),
    "period_differs": (shortened, "Period differs", "^Try it"),
    "quantity_differs": (more, "Quantity differs", "^Try it"),
    "wrong_customer": (given_away, "Key of another customer", "^Leave it with Bob"),
    "dangling_key_id": (dangling, "Key number points nowhere", "^Try it"),
    "duplicate_customers": (twins, "Duplicate customers", "^Try it"),
    "unknown_customer": (renamed, "Unknown customer", "^Try it"),
    "unclaimed_payment": (nobodys, "Unclaimed payment", "^Choose Ada"),
    "lookup_failed": (given_up, "Look-up failed", "^Try it"),
}
SEARCHED = {"unclaimed_payment": "lovelace"}
WITHOUT_MONEY = ("duplicate_customers",)


def test_no_class_is_left_out() -> None:
    assert set(CLASSES) == set(KINDS)


@pytest.mark.parametrize("kind", CLASSES)
def test_staff_repair_each_class(site: Site, sale: Sale, desk: Person, kind: str) -> None:
    accident, name, button = CLASSES[kind]
    accident(sale)
    sale.compare()

    desk.open(f"{site.url}/Reconciliation?kind={kind}").sees(name)
    desk.page.locator("main tbody th a[href^='/Reconciliation/']").first.click()
    desk.page.wait_for_load_state("load")
    desk.sees("Stripe says").sees("Latchkey says").does_not_see("Nothing\\.")
    desk.sees(r"Since.*\((\d+ )?\w+\)")
    if kind not in WITHOUT_MONEY:
        desk.sees(r"Money\s*\$19\.00")
    if kind in SEARCHED:
        desk.fill("Which customer", SEARCHED[kind]).click("^Search$")
    desk.click(button).sees("Dry run").sees("Nothing is changed yet")
    desk.click("^Repair it$|^Settle it$|^Yes, take it away$")

    assert desk.path == "/Reconciliation"
    sale.work()
    sale.compare()
    desk.open(f"{site.url}/Reconciliation?kind={kind}").sees("Nothing of this kind")
    desk.open(f"{site.url}/Reconciliation?state=closed").sees("Repaired")


def test_staff_bind_an_unclaimed_payment(site: Site, sale: Sale, desk: Person) -> None:
    stranger = sale.shop.customer(email="stranger@mail.example")
    bought = sale.shop.subscribe(stranger)
    sale.work("fulfillment.ensure", stripe_id=bought.id)

    desk.open(f"{site.url}/Reconciliation").sees("Unclaimed payment").sees(r"\$19.00")
    desk.click("^Unclaimed payment$", role="link")
    desk.page.locator("main tbody th a[href^='/Reconciliation/']").first.click()
    desk.sees("Nobody can tell whose payment it is").fill("Which customer", "lovelace").click("^Search$")
    desk.click("^Choose").sees("belongs to customer").sees("A key of Widget Studio is there")
    desk.click("^Repair it$").sees("A key of Widget Studio is there")

    keys = db.session.scalars(select(License)).all()
    assert [key.customer_id for key in keys] == [sale.ada.id, sale.ada.id]


def test_staff_have_a_parked_event_worked_off_again(site: Site, sale: Sale, desk: Person) -> None:
    late = sale.shop.subscribe(sale.shop.customer(sale.ada))
    event_given_up(sale, late.id)

    desk.open(f"{site.url}/Reconciliation").sees("1 event was given up").click("See the events", role="link")
    desk.sees("Stripe does not answer").click("^Work off again").sees("worked off again")
    sale.work()

    desk.open(f"{site.url}/Reconciliation/Events").sees("Every event was worked off")
    assert len(db.session.scalars(select(License)).all()) == 2


def test_the_table_of_states(site: Site, desk: Person) -> None:
    desk.open(f"{site.url}/Reconciliation/States").sees("past_due").sees("3 days of grace")
