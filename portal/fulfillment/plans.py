"""What each line of a purchase entitles to, or why that cannot be said."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from portal.billing.links import number_in
from portal.errors import Invalid
from portal.extensions import db
from portal.fulfillment.facts import Facts, Line
from portal.fulfillment.models import PaidUnit
from portal.licenses import create_key, limits
from portal.licenses.create_key import CreateKey
from portal.licenses.models import Product

NO_PRODUCT, BAD_PLAN = "no_product", "bad_plan"
MOST_KEYS = 1000  # of one item; whoever sells more means machines (`"quantity": "machines"`)


@dataclass(frozen=True)
class Entitlement:
    """A line that pays for keys of a product of ours."""

    line: Line
    product: Product
    plan: CreateKey

    @property
    def keys(self) -> int:
        """How many keys the line pays for."""
        if self.plan.quantity == create_key.MACHINES:
            return min(1, self.line.quantity)
        return self.line.quantity

    @property
    def max_no_of_machines(self) -> int:
        """Machines of each key."""
        if self.plan.quantity == create_key.MACHINES:
            return self.line.quantity
        return self.plan.max_no_of_machines


def entitlements(vendor_id: int, facts: Facts) -> tuple[list[Entitlement], str]:
    """The lines that pay for keys; and the reason where something paid for cannot be a key, or an empty text.

    Lines without a product of ours are other things on the same bill, unless there is nothing else on it.
    """
    found: list[Entitlement] = []
    trouble = ""
    for line in facts.lines:
        try:
            plan = create_key.parse(line.plan)
        except Invalid:
            trouble = BAD_PLAN if line.product or line.plan else trouble
            continue
        number = number_in({"id": line.product}, "id") or plan.product_id
        product = db.session.get(Product, (vendor_id, number)) if number else None
        if product is not None and _makes_no_keys(facts, line, product, plan):
            trouble = BAD_PLAN
        elif product is not None:
            found.append(Entitlement(line, product, plan))
        elif line.product or line.plan:
            trouble = trouble or NO_PRODUCT
    return found, trouble or ("" if found else NO_PRODUCT)


def pays_for_a_key(vendor_id: int, facts: Facts) -> bool:
    """Whether a key follows as soon as a purchase has a customer."""
    entitled, _trouble = entitlements(vendor_id, facts)
    return any(one.keys and one.line.is_paid for one in entitled)


def _makes_no_keys(facts: Facts, line: Line, product: Product, plan: CreateKey) -> bool:
    """Whether staff must look first: far too many keys, or keys that would have ended the moment they are made.

    A subscription says itself how long a key runs; what is paid once needs a Period where the product's licenses end.
    """
    if line.quantity > MOST_KEYS and plan.quantity != create_key.MACHINES:
        return True
    is_once = facts.purchase is None
    return is_once and limits.of_product(product).need_period(plan) and not _has_keys(product.vendor_id, line)


def _has_keys(vendor_id: int, line: Line) -> bool:
    """Whether a line has had its keys: they stay as they are, whatever is said about its plan since."""
    units = select(PaidUnit.id).where(PaidUnit.vendor_id == vendor_id, PaidUnit.source == line.source)
    return db.session.scalar(units.limit(1)) is not None
