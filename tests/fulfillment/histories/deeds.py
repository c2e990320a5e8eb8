"""What people do at Stripe: customers, their banks, and vendors in Stripe's dashboard. Stripe may say no."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import stripe

from portal.sandbox.accidents import control, deeds
from portal.sandbox.errors import StripeError
from tests.fulfillment.histories.scene import CUSTOMERS, Scene
from tests.fulfillment.histories.truth import Truth

TEMPORARY = "No key was created, but the customer was still charged."
PAUSES = ("void", "keep_as_draft", "mark_uncollectible")
FAILING = "pm_card_chargeCustomerFail"
Refused = (stripe.StripeError, StripeError)


@dataclass
class Deeds:
    """Everybody's hands. subscriptions and checkouts of this history stand in their order.

    named: what was typed in on subscriptions whose payer nobody knows: the name of the field, and a key's number.
    """

    scene: Scene
    truth: Truth
    subscriptions: list[str] = field(default_factory=list)
    checkouts: list[str] = field(default_factory=list)
    named: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def v1(self) -> Any:
        """Stripe, reached beside the portal."""
        return self.scene.world.v1

    def try_to(self, act: Callable[[], Any]) -> Any:
        """Do it, unless Stripe refuses."""
        with suppress(*Refused):
            return act()
        return None

    def outside(self, deed: str, id_: str, **given: Any) -> Any:
        """Something that the sandbox's desk does: pay, settle, refund, dispute, win, lose."""
        return self.try_to(lambda: deeds.do(self.scene.world.desk, deed, id_, given))

    def accident(self, kind: str, times: int = 1, **facts: Any) -> None:
        """Something will go wrong."""
        control.order(self.scene.world.desk, kind, times, facts)

    def forget_accidents(self) -> None:
        """Nothing goes wrong any more."""
        with self.scene.world.desk.store.transaction() as connection:
            connection.execute("DELETE FROM accidents")

    def subscribe(self, buyer: int, plan: str, quantity: int, how: str, metadata: dict[str, str]) -> None:
        """A subscription made through the API or the dashboard."""
        more: dict[str, Any] = {
            "card": {},
            "trial": {"trial_period_days": 7},
            "invoice": {"collection_method": "send_invoice", "days_until_due": 14},
            "incomplete": {"payment_behavior": "default_incomplete"},
        }[how]
        items = [{"price": self.scene.prices[plan], "quantity": quantity}]
        given = {"customer": self.buyer(buyer), "items": items, "metadata": metadata, **more}
        made = self.try_to(lambda: self.v1.subscriptions.create(given))
        if made:
            self.subscriptions.append(made.id)

    def subscribe_for_key(self, buyer: int, plan: str, name: str, number: int) -> None:
        """A subscription on which somebody types in the number of a key."""
        before = len(self.subscriptions)
        self.subscribe(buyer, plan, 1, "card", {name: str(number)})
        if self.buyer(buyer) == self.scene.buyers[CUSTOMERS]:
            self.named |= dict.fromkeys(self.subscriptions[before:], (name, number))

    def check_out(self, buyer: int, plan: str, quantity: int, means: str) -> None:
        """Stripe Checkout, through to the end. means: a card, or a bank that answers some days later."""
        is_once = not self.scene.is_recurring(plan)
        given: dict[str, Any] = {
            "customer": self.buyer(buyer),
            "line_items": [{"price": self.scene.prices[plan], "quantity": quantity}],
            "mode": "payment" if is_once else "subscription",
            "success_url": "https://acme.example/thanks",
        }
        session = self.try_to(lambda: self.v1.checkout.sessions.create(given))
        paid = session and self.outside("pay", session.id, means=means)
        if paid and is_once:
            self.checkouts.append(session.id)
        elif paid:
            self.subscriptions.append(paid["subscription"])

    def buyer(self, number: int) -> str:
        """A customer at Stripe."""
        return self.scene.buyers[number % len(self.scene.buyers)]

    def introduce(self, number: int) -> None:
        """Staff write our customer's number on a stranger at Stripe."""
        stranger = self.scene.buyers[CUSTOMERS]
        metadata = {"skm_customer_id": str(self.scene.ours[number % CUSTOMERS])}
        if not (self.truth.customer(stranger).get("metadata") or {}).get("skm_customer_id"):
            self.try_to(lambda: self.v1.customers.update(stranger, {"metadata": metadata}))

    def card(self, number: int, name: str) -> None:
        """A customer's card is another one now, good or bad."""
        buyer = self.buyer(number)

        def swap() -> None:
            method = self.v1.payment_methods.attach(name, {"customer": buyer})
            settings = {"invoice_settings": {"default_payment_method": method.id}}
            self.v1.customers.update(buyer, settings)

        self.try_to(swap)

    def update(self, subscription: str, **given: Any) -> None:
        """A change of a subscription."""
        self.try_to(lambda: self.v1.subscriptions.update(subscription, given))

    def change(self, subscription: str, proration: str, **item: Any) -> None:
        """Another price or quantity of its first item."""
        items = self.truth.items(subscription)
        if "plan" in item:
            item["price"] = self.scene.prices[item.pop("plan")]
        self.update(subscription, items=[{"id": items[0]["id"], **item}], proration_behavior=proration)

    def replace(self, subscription: str, plan: str, proration: str) -> None:
        """Another plan as a new item, the old item taken away: what some shops do to change plans."""
        items = self.truth.items(subscription)
        wanted: list[dict[str, Any]] = [{"price": self.scene.prices[plan], "quantity": items[0]["quantity"]}]
        wanted.append({"id": items[0]["id"], "deleted": True})
        self.update(subscription, items=wanted, proration_behavior=proration)

    def cancel(self, subscription: str) -> None:
        """The end, now."""
        self.try_to(lambda: self.v1.subscriptions.cancel(subscription))

    def pay_open(self, subscription: str, out_of_band: bool) -> None:
        """Somebody pays the oldest open invoice: by card, or by a way that Stripe does not see."""
        given = {"paid_out_of_band": True} if out_of_band else {}
        invoices = self.truth.invoices(subscription, "open")
        if invoices:
            self.try_to(lambda: self.v1.invoices.pay(invoices[-1]["id"], given))

    def void_open(self, subscription: str) -> None:
        """Staff write off the oldest open invoice."""
        invoices = self.truth.invoices(subscription, "open")
        if invoices:
            self.try_to(lambda: self.v1.invoices.void_invoice(invoices[-1]["id"]))
