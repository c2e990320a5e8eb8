"""What happens in every run: people buy, a month goes by, one cancels, one gets the money back; then all calms down."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from sqlalchemy import func, select

from portal.extensions import db
from portal.outbox.claims import LEASE
from portal.outbox.models import OutboxItem
from portal.webhooks.models import StripeEvent
from tests.crash.buyer import Buyer
from tests.crash.lane import Lane
from tests.crash.plan import Run

TEMPORARY = {"skm_temp_var": "no key was created but they were still charged"}
MONTH, LEASE_IS_OVER = 31 * 86_400 + 2 * 3600, 6 * 60
CALM_SECONDS, AT_WORK_SECONDS, STILL_SECONDS = 60.0, 8.0, 0.4
READING = {"method": "GET", "path": "/v1/subscriptions"}


class NeverCalm(Exception):
    """The queues do not become empty."""


@dataclass
class Expected:
    """What a purchase must lead to. extended: how often its keys got a later end."""

    keys: int
    is_blocked: bool = False
    extended: int = 0


@dataclass
class Scene:
    """The sales of one run. expected: by purchase (`sub_…`, `cs_…`). ordered: the one that began in the portal."""

    lane: Lane
    run: Run
    expected: dict[str, Expected] = field(default_factory=dict)
    ordered: str = ""

    def play(self) -> None:
        """All of it. Raises NeverCalm."""
        blows = [threading.Timer(after, self.lane.kill, (whom,)) for after, whom in self.run.blows]
        for blow in blows:
            blow.start()
        if self.run.failing_reads:
            self.lane.control("accidents", kind="forbidden", times=self.run.failing_reads, **READING)
        first, two, once = self.morning()
        self.order()
        self.calm_down()
        if self.run.is_late:
            self.lane.arm(self.run.wishes)
        self.later(first, two, once)
        for blow in blows:
            blow.join()
        self.calm_down()

    def morning(self) -> tuple[str, str, str]:
        """Three customers buy, and somebody nobody knows."""
        client = self.lane.client
        one, another, third, _ = self.lane.customers
        first = self.subscribe(one, 1)
        two = self.subscribe(another, 2)
        session = client.v1.checkout.sessions.create(
            {
                "line_items": [{"price": self.lane.prices["once"], "quantity": 1}],
                "mode": "payment",
                "success_url": "https://acme.example/thanks",
                "customer": self.stripe_customer(third),
            }
        )
        self.lane.control(f"do/pay/{session.id}", means="pm_card_visa")
        self.expected[session.id] = Expected(1)
        self.subscribe(None, 1)
        return first, two, session.id

    def later(self, first: str, two: str, once: str) -> None:
        """One cancels, one gets the money back, the others pay for another month."""
        v1 = self.lane.client.v1
        v1.subscriptions.cancel(two)
        self.expected[two].is_blocked = True
        session = v1.checkout.sessions.retrieve(once, {"expand": ["payment_intent"]})
        self.lane.control(f"do/refund/{session.payment_intent.latest_charge}")  # type: ignore[union-attr]
        self.expected[once].is_blocked = True
        self.lane.time.move(MONTH)
        self.expected[first].extended = self.expected[self.ordered].extended = 1

    def order(self) -> None:
        """A customer buys in the portal."""
        buyer, v1 = Buyer(self.lane), self.lane.client.v1
        session = buyer.buy(self.lane.prices["monthly"])
        self.lane.control(f"do/pay/{session}", means="pm_card_visa")
        paid = v1.checkout.sessions.retrieve(session)
        self.ordered = str(paid.subscription)
        self.expected[self.ordered] = Expected(1)
        buyer.come_back(str(paid.client_reference_id))

    def subscribe(self, customer: int | None, quantity: int) -> str:
        """A monthly subscription, paid by card at once; of a stranger where no customer is given."""
        given = {"items": [{"price": self.lane.prices["monthly"], "quantity": quantity}], "metadata": TEMPORARY}
        made = self.lane.client.v1.subscriptions.create({"customer": self.stripe_customer(customer), **given})  # type: ignore[typeddict-item]
        self.expected[made.id] = Expected(quantity if customer else 0)
        return str(made.id)

    def stripe_customer(self, ours: int | None) -> str:
        """The counterpart of a customer of ours."""
        made = self.lane.client.v1.customers.create(
            {
                "email": f"buyer{ours}@mail.example" if ours else "stranger@mail.example",
                "metadata": {"skm_customer_id": str(ours)} if ours else {},
                "payment_method": "pm_card_visa",
                "invoice_settings": {"default_payment_method": "pm_card_visa"},
            }
        )
        return str(made.id)

    def calm_down(self) -> None:
        """Wait until all is told and worked off; where nothing moves, let the time of leases and pauses go by."""
        self.lane.control("release")
        before: list[str] | None = None
        changed_at = moved_at = time.monotonic()
        while left := self.left():
            now = time.monotonic()
            if left != before:
                before, changed_at = left, now
            if now - changed_at > CALM_SECONDS:
                raise NeverCalm(f"left over: {left}")
            patience = AT_WORK_SECONDS if self.somebody_works() else STILL_SECONDS
            if now - max(changed_at, moved_at) > patience:
                self.lane.time.move(LEASE_IS_OVER)
                moved_at = now
            time.sleep(0.05)

    def somebody_works(self) -> bool:
        """Whether there is a lease that was taken after the last death, so that its holder is alive."""
        now = self.lane.time.now()
        with self.lane.database():
            leases = [
                db.session.scalar(select(func.max(table.lease_until)).where(table.lease_until > now))
                for table in (StripeEvent, OutboxItem)
            ]
            db.session.rollback()
        return any(lease is not None and lease - LEASE > self.lane.died_at for lease in leases)

    def left(self) -> list[str]:
        """Webhooks to deliver, events to work off, mails and jobs to do.

        Stripe first: what it has got rid of stands in the inbox by then.
        """
        undelivered = ["webhook"] * self.lane.undelivered()
        with self.lane.database():
            received = db.session.scalars(select(StripeEvent.type).where(StripeEvent.state == "received"))
            waiting = db.session.scalars(select(OutboxItem.name).where(OutboxItem.state == "waiting"))
            found = sorted([*received, *waiting])
            db.session.rollback()
        return found + undelivered
