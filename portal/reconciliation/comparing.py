"""Every class asked about one purchase, and the two sides of it brought together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from portal import clock
from portal.fulfillment import plans
from portal.fulfillment.facts import Facts
from portal.fulfillment.plans import Entitlement
from portal.licenses import create_key
from portal.reconciliation import amounts, money, naming, ours, validity
from portal.reconciliation.found import Found
from portal.reconciliation.pairs import Expected, Pair

OF_A_PURCHASE: tuple[Callable[[Pair], list[Found]], ...] = (
    money.charged_without_key,
    money.temp_var_set,
    validity.ended_but_valid,
    validity.paid_but_blocked,
    amounts.period_differs,
    amounts.quantity_differs,
    naming.wrong_customer,
    naming.dangling_key_id,
    naming.unknown_customer,
)


def differences(pair: Pair) -> list[Found]:
    """All that differs about one purchase."""
    return [found for compare in OF_A_PURCHASE for found in compare(pair)]


def pairs_of(vendor_id: int, batch: Sequence[Facts], grace_days: int) -> list[Pair]:
    """Both sides of these purchases; reads the database, in a fixed number of queries and one per product."""
    entitled = {facts.stripe_id: plans.entitlements(vendor_id, facts) for facts in batch}
    products = {
        stripe_id: tuple(dict.fromkeys(one.product.id for one in mine)) for stripe_id, (mine, _why) in entitled.items()
    }
    held = ours.read(vendor_id, batch, products)
    grace, now = timedelta(days=grace_days), clock.now()
    found = []
    for facts in batch:
        entitlements, trouble = entitled[facts.stripe_id]
        expected = tuple(_expected(one) for one in entitlements)
        found.append(Pair(facts, held[facts.stripe_id], expected, trouble, grace, now))
    return found


def _expected(one: Entitlement) -> Expected:
    means_machines = one.plan.quantity == create_key.MACHINES
    return Expected(
        source=one.line.source,
        product_id=one.product.id,
        keys=one.keys,
        machines=one.max_no_of_machines if means_machines else None,
        paid_until=one.line.paid_until,
        is_paid=one.line.is_paid,
        makes_blocked=one.plan.block,
    )
