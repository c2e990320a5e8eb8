"""Write to the catalog: products with a price, and what they say about our licenses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import Refused, translated
from portal.billing.gateway.prices import PriceRead, read_price


class NotInCatalog(Refused):
    """Stripe has no such product or price, in this account and mode."""


class AlreadyThere(Refused):
    """A product with the chosen id exists."""


@dataclass(frozen=True)
class NewProduct:
    """A product to be made with its first price, in one call. id: chosen by us, so that it is made once.

    amount_minor: of one unit. interval: empty for a payment that happens once. metadata: of the product;
    price_metadata: of the price. Texts may be empty.
    """

    id: str
    name: str
    amount_minor: int
    currency: str
    description: str = ""
    image_url: str = ""
    tax_code: str = ""
    statement_descriptor: str = ""
    unit_label: str = ""
    interval: str = ""
    interval_count: int = 1
    tax_behavior: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    price_metadata: dict[str, str] = field(default_factory=dict)

    def params(self) -> dict[str, Any]:
        """As Stripe takes it; what is empty is left out."""
        price: dict[str, Any] = {
            "currency": self.currency,
            "unit_amount": self.amount_minor,
            "tax_behavior": self.tax_behavior,
            "metadata": self.price_metadata,
        }
        if self.interval:
            price["recurring"] = {"interval": self.interval, "interval_count": self.interval_count}
        product = {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "images": [self.image_url] if self.image_url else None,
            "tax_code": self.tax_code,
            "statement_descriptor": self.statement_descriptor,
            "unit_label": self.unit_label,
            "metadata": self.metadata,
        }
        filled = {name: value for name, value in product.items() if value}
        return filled | {"default_price_data": {name: value for name, value in price.items() if value not in ("", {})}}


def create_product(connection: Connection, product: NewProduct, idempotency_key: str) -> str:
    """Make it; returns its id. Raises AlreadyThere, and Refused with the parameter that Stripe does not take."""
    with translated():
        try:
            made = connection.client().v1.products.create(product.params(), {"idempotency_key": idempotency_key})  # type: ignore[arg-type]
        except Exception as error:
            if getattr(error, "code", None) == "resource_already_exists":
                raise AlreadyThere("", code="resource_already_exists", param="id") from error
            raise
    return str(made.id)


def retrieve_price(connection: Connection, price_id: str) -> PriceRead:
    """A price with its product. Raises NotInCatalog."""
    params: Any = {"expand": ["product"]}
    with _known():
        return read_price(connection.client().v1.prices.retrieve(price_id, params).to_dict())


def write_product_metadata(connection: Connection, product_id: str, metadata: dict[str, str]) -> None:
    """Set keys of a product's metadata; an empty text removes a key. Raises NotInCatalog."""
    params: Any = {"metadata": metadata}
    with _known():
        connection.client().v1.products.update(product_id, params)


def write_price_metadata(connection: Connection, price_id: str, metadata: dict[str, str]) -> None:
    """Set keys of a price's metadata; an empty text removes a key. Raises NotInCatalog."""
    params: Any = {"metadata": metadata}
    with _known():
        connection.client().v1.prices.update(price_id, params)


@contextmanager
def _known() -> Iterator[None]:
    with translated():
        try:
            yield
        except Exception as error:
            if getattr(error, "code", None) == "resource_missing":
                raise NotInCatalog("", code="resource_missing", param="id") from error
            raise
