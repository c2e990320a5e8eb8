"""Somebody who buys: a signed-in customer in front of the plans page, and what Stripe and our tables then hold."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.account.models import User
from portal.billing import plan_sync
from portal.billing.models import Order, Plan
from portal.extensions import db
from portal.vendors import service as vendors
from tests.fulfillment.story import Story
from tests.support.page import Page

BASE = "/Portal/@acme.example/"


@dataclass
class Buyer:
    """One customer's browser at a vendor with plans."""

    story: Story
    page: Page
    user_id: int
    customer_id: int

    @property
    def app(self) -> Flask:
        """The portal."""
        return self.story.app

    def sync(self) -> None:
        """The portal reads the vendor's prices."""
        db.session.commit()
        plan_sync.sync(vendors.get(self.story.vendor_id))
        db.session.commit()

    def plan(self, skm: str = "", **more: Any) -> str:
        """A monthly plan, read by the portal: the price's id."""
        price = self.story.plan(skm, **more)
        self.sync()
        return str(price.id)

    def once(self, skm: str = "", amount: int = 9900) -> str:
        """A plan that is paid once, read by the portal: the price's id."""
        price = self.story.once(skm, amount)
        self.sync()
        return str(price.id)

    def buy(self, price: str, *, status: int = 303, **typed: Any) -> str:
        """Press *Buy* on the plans page; the id of the checkout it leads to, or the path where it leads elsewhere."""
        self.page.get(f"{BASE}Plans")
        self.page.submit(typed, form=f'.price form:has(input[value="{price}"])', status=status)
        return self.session_in(self.page.location)

    def wait(self, **amount: float) -> None:
        """Time goes by; the customer signs in again."""
        self.story.move(**amount)
        user = db.session.get(User, self.user_id)
        assert user is not None
        self.page.sign_in(user)

    def press(self, price: str, *, page: Page | None = None, status: int = 303, **typed: Any) -> str:
        """The same from a page that was opened before, with the token of now."""
        page = page or self.page
        page.get(f"{BASE}Billing")
        token = str(page.soup.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]
        page.post(f"{BASE}Billing/Checkout", {"csrf_token": token, "price": price, **typed}, status=status)
        return self.session_in(page.location)

    def press_any(self, price: str) -> int:
        """The same, whatever comes of it: the answer's status."""
        self.page.get(f"{BASE}Billing")
        token = str(self.page.soup.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]
        with contextlib.suppress(AssertionError):
            self.page.post(f"{BASE}Billing/Checkout", {"csrf_token": token, "price": price})
        return self.page.response.status_code

    def session_in(self, location: str) -> str:
        """The checkout's id in an address at Stripe; any other address as it is."""
        start = f"{self.story.sandbox.url}/c/pay/"
        return location.removeprefix(start)

    def pay(self, session: str, means: str = "pm_card_visa") -> None:
        """Pay at Stripe; nothing is delivered."""
        self.story.sandbox.pay(session, means)

    def come_back(self, session: str = "", **more: Any) -> Page:
        """Open the return page of the one order."""
        order = self.order()
        return self.page.get(f"{BASE}Billing/Return?order={order.id}&session={session}", **more)

    def order(self) -> Order:
        """The only order."""
        (found,) = self.orders()
        return found

    def orders(self) -> list[Order]:
        """All orders, oldest first."""
        db.session.rollback()
        return list(db.session.scalars(select(Order).order_by(Order.created_at, Order.id)))

    def table(self) -> dict[str, str]:
        """Every plan's problem, by price."""
        db.session.rollback()
        return {plan.price_id: plan.problem for plan in db.session.scalars(select(Plan))}

    def sessions(self) -> list[dict[str, Any]]:
        """All checkouts at Stripe, newest first."""
        return [one.to_dict() for one in self.story.shop.v1.checkout.sessions.list({"limit": 100}).data]
