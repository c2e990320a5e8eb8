"""A small vendor at the sandbox, made the way anyone would: through the API."""

from functools import cached_property
from typing import Any

import stripe


class Shop:
    """Makes what a test needs, when it needs it."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self.client = client
        self.v1 = client.v1

    @cached_property
    def product(self) -> Any:
        """What is sold."""
        return self.v1.products.create({"name": "Cartograph Pro", "metadata": {"skm_product_id": "3"}})

    def price(self, amount: int = 1000, interval: str = "month", **more: Any) -> Any:
        """A recurring price of the product."""
        return self.v1.prices.create(
            {
                "product": self.product.id,
                "currency": "usd",
                "unit_amount": amount,
                "recurring": {"interval": interval},
                **more,
            }
        )

    @cached_property
    def monthly(self) -> Any:
        """$10.00 per month."""
        return self.price()

    @cached_property
    def yearly(self) -> Any:
        """$100.00 per year."""
        return self.price(10_000, "year")

    def customer(self, card: str | None = "pm_card_visa", **more: Any) -> Any:
        """A customer, with a card as default unless None."""
        given: dict[str, Any] = {"email": "ada@example.com", "name": "Ada Example"} | more
        if card:
            given |= {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
        return self.v1.customers.create(given)

    def subscribe(self, customer: Any = None, price: Any = None, **more: Any) -> Any:
        """A subscription to the monthly price unless another is given."""
        customer = customer or self.customer()
        price = price or self.monthly
        return self.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}], **more})

    def configure(self, **features: Any) -> Any:
        """A portal configuration that allows everything, with changes."""
        everything: dict[str, Any] = {
            "customer_update": {"enabled": True, "allowed_updates": ["email", "name"]},
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
            "subscription_update": {
                "enabled": True,
                "default_allowed_updates": ["price"],
                "products": [{"product": self.product.id, "prices": [self.monthly.id, self.yearly.id]}],
            },
        }
        return self.v1.billing_portal.configurations.create({"features": everything | features})
