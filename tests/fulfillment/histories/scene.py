"""Where every history begins: a vendor with products, customers and plans, here and at Stripe."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from portal import clock
from portal.account.models import User
from portal.billing import service as billing
from portal.extensions import db
from portal.outbox import service as outbox
from portal.staff.models import StaffMember
from portal.vendors import service as vendors
from portal.webhooks.event_types import HANDLED
from tests.factories import make_customer, make_product, make_vendor
from tests.fulfillment.histories.world import KEY, START, Ticking, World

CUSTOMERS, STRANGERS = 2, 1
OWNER = "owner@acme.example"
CARD = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
# name: (our product, skm, amount, interval); an empty interval is paid once; product 0 names none of ours
PLANS = {
    "basic": (1, "", 1900, "month"),
    "pro": (1, '{"F2": true, "MaxNoOfMachines": 4}', 4900, "month"),
    "yearly": (1, '{"F2": true}', 19000, "year"),
    "other": (2, "", 2900, "month"),
    "machines": (1, '{"quantity": "machines"}', 900, "month"),
    "alien": (0, "", 700, "month"),
    "once": (1, "", 9900, ""),
    "once_30_days": (2, '{"Period": 30}', 1500, ""),
}
SUBSCRIBED = ("basic", "pro", "yearly", "other", "machines")
ONCE = ("once", "once_30_days")


@dataclass
class Scene:
    """The beginning, made once and kept. prices: by plan; buyers: customers at Stripe, ours first, then strangers."""

    world: World
    vendor_id: int = 0
    prices: dict[str, str] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)
    buyers: list[str] = field(default_factory=list)
    ours: list[int] = field(default_factory=list)
    emails: dict[str, str] = field(default_factory=dict)
    rows: dict[Any, list[dict[str, Any]]] = field(default_factory=dict)
    stripe: sqlite3.Connection | None = None

    def set_up(self) -> None:
        """Make everything, and remember how it was."""
        self.world.in_app(self._here)
        self._at_stripe()
        self.world.in_app(self._connect)
        self.world.work()
        self.world.in_app(self._look_once)
        self.world.work()
        with self.world.desk.store.transaction() as connection:
            connection.execute("DELETE FROM objects WHERE kind = 'event'")
            connection.execute("DELETE FROM deliveries")
        self.world.in_app(self._remember)
        self.stripe = sqlite3.connect(":memory:")
        self.world.desk.store.connection().backup(self.stripe)

    @staticmethod
    def is_recurring(plan: str) -> bool:
        """Whether a plan is paid again and again."""
        return bool(PLANS[plan][3])

    def begin(self) -> None:
        """Put everything back to the beginning."""
        world = self.world
        world.time.now, Ticking.ticks = START, 0
        world.letters.clear()
        world.ear.heard.clear()
        world.judge.problems.clear()
        world.judge.seen.clear()
        world.dice.seed(2)  # other ids than those of the beginning
        assert self.stripe is not None
        self.stripe.backup(world.desk.store.connection())
        world.in_app(self._restore)

    def decide(self, switches: dict[str, Any], settings: dict[str, str]) -> None:
        """The vendor's policies here, and the account's settings at Stripe."""

        def write() -> None:
            vendor = vendors.get(self.vendor_id)
            vendor.switches = {**vendor.switches, **switches}
            db.session.commit()

        self.world.in_app(write)
        for name, value in settings.items():
            self.world.desk.store.set_setting(name, value)

    def _here(self) -> None:
        vendor = make_vendor("acme.example")
        self.vendor_id = vendor.id
        owner = User(email=OWNER, email_key=OWNER, password_hash="-", name="Owner", email_confirmed_at=clock.now())
        db.session.add(owner)
        db.session.flush()
        db.session.add(StaffMember(vendor_id=vendor.id, user_id=owner.id, role="owner"))
        for name in ("Widget Studio", "Another Studio"):
            make_product(vendor, name)
        for _ in range(CUSTOMERS):
            customer = make_customer(vendor)
            self.ours.append(customer.id)
            self.emails[str(customer.id)] = customer.email
        db.session.commit()

    def _at_stripe(self) -> None:
        v1 = self.world.v1
        for name, (ours, skm, amount, interval) in PLANS.items():
            bound = {"skm_product_id": str(ours)} if ours else {}
            product = v1.products.create({"name": name, "metadata": bound})
            recurring: Any = {"recurring": {"interval": interval}} if interval else {}
            plan: Any = {"metadata": {"skm": skm}} if skm else {}
            price = v1.prices.create(
                {"product": product.id, "currency": "usd", "unit_amount": amount, **recurring, **plan}
            )
            self.prices[name], self.products[price.id] = price.id, ours
        for number in self.ours:
            given: Any = {"email": self.emails[str(number)], "metadata": {"skm_customer_id": str(number)}}
            self.buyers.append(v1.customers.create(given | CARD).id)
        for number in range(STRANGERS):
            stranger: Any = {"email": f"stranger{number}@mail.example"}
            self.buyers.append(v1.customers.create(stranger | CARD).id)
        url = f"http://localhost/api/subscription/StripeUrl?id={self.vendor_id}"
        endpoint = v1.webhook_endpoints.create({"url": url, "enabled_events": sorted(HANDLED)})
        self.secret = str(endpoint.secret)

    def _connect(self) -> None:
        billing.set_account(vendors.get(self.vendor_id), api_key=KEY, webhook_secrets=[self.secret])
        db.session.commit()

    @staticmethod
    def _look_once() -> None:
        """The portal knows the account: what comes later is news."""
        outbox.queue_job("webhooks.sweep_events", vendor_id=None)
        db.session.commit()

    def _remember(self) -> None:
        for table in db.metadata.sorted_tables:
            found = [dict(row._mapping) for row in db.session.execute(table.select())]
            if found and table.name != "outbox":
                self.rows[table] = found

    def _restore(self) -> None:
        with db.engine.begin() as connection:
            for table in reversed(db.metadata.sorted_tables):
                connection.execute(text(f"DELETE FROM {table.name}"))
            for table, rows in self.rows.items():
                connection.execute(table.insert(), rows)
