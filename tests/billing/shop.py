"""A vendor's side of Stripe for tests: products, customers and subscriptions with our metadata."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import stripe

from portal.customers.models import Customer
from portal.licenses.models import License


class Shop:
    """Makes what a test needs through Stripe's API."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self.v1 = client.v1

    @cached_property
    def product(self) -> Any:
        """A product that pays licenses of our product 1."""
        return self.v1.products.create({"name": "Widget Studio", "metadata": {"skm_product_id": "1"}})

    @cached_property
    def monthly(self) -> Any:
        """$19.00 per month."""
        return self.price(1900, "month")

    def price(self, amount: int, interval: str) -> Any:
        """A recurring price."""
        recurring = {"interval": interval}
        return self.v1.prices.create(
            {"product": self.product.id, "currency": "usd", "unit_amount": amount, "recurring": recurring}
        )

    def customer(self, ours: Customer | None = None, **more: Any) -> Any:
        """A Stripe customer with a card; `ours` puts our id into its metadata."""
        metadata = {"skm_customer_id": str(ours.id)} if ours else {}
        given = {"email": ours.email if ours else "buyer@mail.example", "metadata": metadata, **more}
        card = {
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
        return self.v1.customers.create(given | card)

    def subscribe(self, customer: Any, license: License | None = None, **more: Any) -> Any:
        """A monthly subscription; `license` puts its GlobalId into the metadata."""
        metadata = {"skm_key_globalid": str(license.global_id)} if license else {}
        given = {"customer": customer.id, "items": [{"price": self.monthly.id}], "metadata": metadata, **more}
        return self.v1.subscriptions.create(given)

    def change_card(self, customer: str, card: str) -> None:
        """Bills of this customer are charged to another card from now on."""
        made = self.v1.payment_methods.attach(card, {"customer": customer})
        self.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": made.id}})
