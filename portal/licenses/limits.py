"""What makes licenses of a product end, and whether a plan says when."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select

from portal.extensions import db
from portal.licenses import states
from portal.licenses.create_key import CreateKey
from portal.licenses.models import Product
from portal.licenses.states import Definitions


@dataclass(frozen=True)
class Limits:
    """Of one product. definitions: of its features. all_licenses: whether every license ends, whatever its features."""

    definitions: Definitions = field(default_factory=dict)
    all_licenses: bool = False

    def need_period(self, plan: CreateKey) -> bool:
        """Whether a key of this plan, paid once, would have ended the moment it is made: it ends, and has no days."""
        active = [name for name, on in plan.features.items() if on]
        return not plan.period and states.is_time_limited(
            self.definitions, active, all_limited=self.all_licenses, period=0
        )


def of_product(product: Product) -> Limits:
    """Of this one."""
    return Limits(product.feature_definitions, product.all_licenses_time_limited)


def of_products(vendor_id: int) -> dict[int, Limits]:
    """Of all products of a vendor, by id."""
    mine = select(Product).where(Product.vendor_id == vendor_id)
    return {product.id: of_product(product) for product in db.session.scalars(mine)}
