"""What was bought, in the words that Stripe has for it: for the people who look at a purchase."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from portal.billing.models import Plan
from portal.extensions import db
from portal.fulfillment.facts import Line
from portal.fulfillment.models import Purchase

MOST = 20  # lines kept of a purchase


@dataclass(frozen=True)
class Bought:
    """One line. name: of the product at Stripe, with the plan's own; the price's id where neither is known."""

    price_id: str
    quantity: int
    name: str


def written(lines: Sequence[Line]) -> str:
    """Lines as a purchase keeps them; what was replaced is left out."""
    counted: Counter[str] = Counter()
    for line in lines:
        if line.price_id and not line.is_gone:
            counted[line.price_id] += line.quantity
    return json.dumps(list(counted.items())[:MOST]) if counted else ""


def lines_of(vendor_id: int, purchases: Iterable[Purchase]) -> dict[str, list[Bought]]:
    """By purchase: what it is for, as far as it was read; one query for all."""
    kept = {one.stripe_id: json.loads(one.bought) if one.bought else [] for one in purchases}
    ids = {price_id for lines in kept.values() for price_id, _quantity in lines}
    names = _names(vendor_id, ids) if ids else {}
    return {
        stripe_id: [Bought(price_id, quantity, names.get(price_id) or price_id) for price_id, quantity in lines]
        for stripe_id, lines in kept.items()
    }


def _names(vendor_id: int, price_ids: Iterable[str]) -> dict[str, str]:
    mine = select(Plan.price_id, Plan.name, Plan.nickname).where(
        Plan.vendor_id == vendor_id, Plan.price_id.in_(sorted(price_ids))
    )
    return {row.price_id: ", ".join(filter(None, (row.name, row.nickname))) for row in db.session.execute(mine)}
