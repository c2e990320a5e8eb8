"""Steps of a sale for tests: somebody buys at Stripe, an event comes in, the worker works, time goes by."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from flask import Flask
from sqlalchemy import delete, func, select

from portal import clock
from portal.billing import service as billing
from portal.customers.models import Customer
from portal.extensions import db
from portal.fulfillment import service as fulfillment
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.reading import Source
from portal.licenses.models import License
from portal.outbox import service as outbox
from portal.outbox.worker import Tally, Worker
from portal.stripe_doctor import service as stripe_doctor
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from portal.webhooks import service as webhooks
from portal.webhooks.models import StripeEvent
from tests.billing.shop import Shop
from tests.factories import make_customer
from tests.support.page import Page
from tests.support.sandbox_server import RunningSandbox
from tests.webhooks import letters

MONTH = timedelta(days=31)
GRACE = timedelta(days=3)


def work_once() -> bool | None:
    """One worker does one piece of the inbox."""
    db.session.commit()
    result = webhooks.work_once()
    db.session.rollback()
    db.session.expire_all()
    return result


@dataclass
class Story:
    """One vendor, its shop at Stripe, and our side of it."""

    app: Flask
    vendor_id: int
    shop: Shop
    sandbox: RunningSandbox
    page: Page

    @property
    def vendor(self) -> Vendor:
        """The vendor's row."""
        return vendors.get(self.vendor_id)

    def meet_the_clocks(self) -> None:
        """The portal's time is Stripe's."""
        clock.move(datetime.fromtimestamp(self.sandbox.clock.now, UTC) - clock.now())

    def move(self, **amount: float) -> None:
        """Time goes by, at both ends."""
        self.sandbox.clock.move(**amount)
        self.meet_the_clocks()

    def customer(self, **fields: Any) -> Customer:
        """A customer of ours."""
        return make_customer(self.vendor, **fields)

    def plan(self, skm: str = "", amount: int = 1900, product: str = "1", **more: Any) -> Any:
        """A monthly price with CreateKey parameters, of a product at Stripe that pays our product."""
        bound = {"skm_product_id": product} if product else {}
        made = self.shop.v1.products.create({"name": "Widget Studio", "metadata": bound})
        plan = {"metadata": {"skm": skm}} if skm else {}
        recurring = {"interval": "month"}
        price = {"product": made.id, "currency": "usd", "unit_amount": amount, "recurring": recurring}
        return self.shop.v1.prices.create({**price, **plan, **more})

    def buy(self, customer: Customer | None = None, price: Any = None, quantity: int = 1, **more: Any) -> Any:
        """A subscription, paid by card at once."""
        buyer = more.pop("buyer", None) or self.shop.customer(customer)
        items = [{"price": (price or self.plan()).id, "quantity": quantity}]
        return self.shop.v1.subscriptions.create({"customer": buyer.id, "items": items, **more})

    def checkout(self, customer: Customer | None = None, price: Any = None, **more: Any) -> Any:
        """An open checkout; our customer's counterpart pays unless none is given."""
        given: dict[str, Any] = {"line_items": [{"price": price.id, "quantity": 1}], "mode": "payment", **more}
        given |= {"customer": self.shop.customer(customer).id} if customer else {}
        return self.shop.v1.checkout.sessions.create({"success_url": "https://acme.example/thanks", **given})

    def once(self, skm: str = "", amount: int = 9900) -> Any:
        """A price that is paid once, of our product 1."""
        made = self.shop.v1.products.create({"name": "Widget Studio", "metadata": {"skm_product_id": "1"}})
        plan = {"metadata": {"skm": skm}} if skm else {}
        return self.shop.v1.prices.create({"product": made.id, "currency": "usd", "unit_amount": amount, **plan})

    def do(self, deed: str, object_id: str, **given: Any) -> dict[str, Any]:
        """What people outside do at the sandbox: pay, settle, refund, dispute, win, lose."""
        return self._steer(f"do/{deed}/{object_id}", given)

    def accident(self, kind: str, **facts: Any) -> None:
        """Something goes wrong with one of the next calls."""
        self._steer("accidents", {"kind": kind, **facts})

    def calm_down(self) -> None:
        """Nothing goes wrong any more."""
        assert requests.delete(f"{self.sandbox.url}/_sandbox/accidents", timeout=10).status_code == 200

    def _steer(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{self.sandbox.url}/_sandbox/{path}", json=given, timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def session(self, session_id: str) -> Any:
        """A checkout as Stripe shows it now."""
        return self.shop.v1.checkout.sessions.retrieve(session_id)

    def charge_of(self, subscription: Any) -> str:
        """The charge that paid the latest invoice."""
        invoice = self.at_stripe(subscription)["latest_invoice"]
        expand = ["data.payment.payment_intent"]
        paid = self.shop.v1.invoice_payments.list({"invoice": invoice, "expand": expand}).to_dict()["data"]
        return str(paid[0]["payment"]["payment_intent"]["latest_charge"])

    def tell_of(self, kind: str, shown: dict[str, Any]) -> None:
        """An event about any object arrives and is worked off."""
        assert self.deliver(letters.event(kind, shown)) == 200
        assert self.work().failed == 0

    def trust(self) -> None:
        """The vendor enters the signing secret."""
        billing.set_account(self.vendor, webhook_secrets=[letters.SECRET])
        db.session.commit()

    def diagnosed(self, *, quickly: bool = False) -> set[str]:
        """What the Stripe doctor finds."""
        db.session.rollback()
        report = stripe_doctor.run(self.vendor_id, quickly=quickly)
        db.session.commit()
        assert report is not None
        return {one.code for one in report.found}

    def sweep(self, name: str) -> None:
        """One turn of a sweep, and everything it leads to."""
        outbox.queue_job(name, vendor_id=None)
        assert self.work().failed == 0

    def lose(self, *models: Any) -> None:
        """The database forgets these tables, as after restoring an old backup."""
        for model in models:
            db.session.execute(delete(model))
        db.session.commit()

    def source(self) -> Source:
        """Where the portal reads."""
        db.session.rollback()
        found = fulfillment.source_of(self.vendor_id)
        db.session.rollback()
        assert found is not None
        return found

    def read(self, stripe_id: str) -> Facts:
        """A purchase as the portal reads it now."""
        facts = fulfillment.read(self.source(), stripe_id)
        assert facts is not None
        return facts

    def apply(self, facts: Facts) -> str:
        """What follows from facts, committed; the state it comes to."""
        state = fulfillment.apply(self.vendor_id, facts).state
        db.session.commit()
        return state

    def tell(self, subscription: Any, kind: str = "customer.subscription.updated", **more: Any) -> int:
        """Stripe's event about a subscription arrives at the door; the answer's status."""
        shown = {"id": subscription.id, "object": "subscription"}
        return self.deliver(letters.event(kind, shown, **more))

    def deliver(self, body: bytes) -> int:
        """A signed body arrives at the door; the answer's status."""
        return letters.deliver(self.page, body, self.vendor_id).status_code

    def work(self) -> Tally:
        """The worker does everything that is due."""
        db.session.commit()
        tally = contextvars.Context().run(Worker(self.app).drain)
        db.session.rollback()
        db.session.expire_all()
        return tally

    def happens(self, subscription: Any, kind: str = "customer.subscription.updated") -> None:
        """An event arrives and is worked off."""
        assert self.tell(subscription, kind) == 200
        assert self.work().failed == 0

    def licenses(self) -> list[License]:
        """All licenses, oldest first."""
        db.session.rollback()
        return list(db.session.scalars(select(License).order_by(License.global_id)))

    def the_key(self) -> License:
        """The one and only license."""
        (license,) = self.licenses()
        return license

    def units(self) -> list[PaidUnit]:
        """All paid units, oldest first."""
        db.session.rollback()
        return list(db.session.scalars(select(PaidUnit).order_by(PaidUnit.id)))

    def count(self, model: Any) -> int:
        """How many rows a table has."""
        db.session.rollback()
        return int(db.session.scalar(select(func.count()).select_from(model)) or 0)

    def purchase(self, subscription: Any) -> Purchase:
        """Our record of a purchase."""
        db.session.rollback()
        return db.session.scalars(select(Purchase).filter_by(stripe_id=subscription.id)).one()

    def events(self) -> list[StripeEvent]:
        """The inbox."""
        db.session.rollback()
        return list(db.session.scalars(select(StripeEvent).order_by(StripeEvent.id)))

    def at_stripe(self, subscription: Any) -> dict[str, Any]:
        """A subscription as Stripe shows it now."""
        return dict(self.shop.v1.subscriptions.retrieve(subscription.id).to_dict())

    def paid_until(self, subscription: Any) -> datetime:
        """The end of the running period at Stripe."""
        item = self.at_stripe(subscription)["items"]["data"][0]
        return datetime.fromtimestamp(item["current_period_end"], UTC)
