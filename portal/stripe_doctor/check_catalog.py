"""Checks of products and prices: each must say which license it pays, and how the key is made.

Whether a price is sold is decided by `billing.plans`; the checks say why not, and what looks unintended.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from portal.billing import plans
from portal.billing.gateway.prices import PriceRead
from portal.billing.gateway.samples import SoldProduct
from portal.billing.links import number_in
from portal.errors import Invalid
from portal.licenses import create_key
from portal.stripe_doctor.facts import Facts
from portal.stripe_doctor.findings import BROKEN, HINT, WARNING, Finding

PRODUCT, PLAN = "skm_product_id", "skm"


def check(facts: Facts) -> list[Finding]:
    """All of them; nothing where products or prices could not be read."""
    if facts.theirs.products is None or facts.theirs.prices is None:
        return []
    prices: dict[str, list[PriceRead]] = defaultdict(list)
    for price in facts.theirs.prices.found:
        prices[price.product_id].append(price)
    found = [] if sold(facts) else [Finding("no_plan", "catalog", WARNING)]
    for product in facts.theirs.products.found:
        found += _product(facts, product, prices[product.id])
    return found


def sold(facts: Facts) -> list[PriceRead]:
    """The prices that customers can buy."""
    prices = facts.theirs.prices.found if facts.theirs.prices else ()
    return [one for one in prices if not plans.problem_of(one, facts.ours.limits)]


def _product(facts: Facts, product: SoldProduct, prices: list[PriceRead]) -> list[Finding]:
    text = product.metadata.get(PRODUCT, "").strip()
    values = {"product": product.name, "text": text}
    number = number_in(product.metadata, PRODUCT)
    if text and number not in facts.ours.products:
        return [Finding("product_unknown", "catalog", BROKEN, product.id, values)]
    if not product.is_active:
        return [Finding("product_archived", "catalog", HINT, product.id, values)] if text else []
    is_all = facts.theirs.prices is not None and facts.theirs.prices.is_all
    if text and not prices and is_all:
        return [Finding("product_without_price", "catalog", WARNING, product.id, values)]
    problems = {price.id: plans.problem_of(price, facts.ours.limits) for price in prices}
    unbound = [price for price in prices if problems[price.id] == plans.NO_PRODUCT]
    if unbound:
        severity = BROKEN if any(price.metadata.get(PLAN) for price in unbound) else HINT
        return [Finding("product_unbound", "catalog", severity, product.id, values)]
    return [finding for price in prices for finding in _price(product, price, problems[price.id])]


def _price(product: SoldProduct, price: PriceRead, problem: str) -> list[Finding]:
    values: dict[str, Any] = {
        "product": product.name,
        "text": price.metadata.get(PLAN, ""),
        "trial": price.metadata.get(plans.TRIAL, ""),
        "amount_minor": price.amount_minor,
        "currency": price.currency,
        "interval": price.interval,
    }
    code, severity = _verdict(product, price, problem)
    return [Finding(code, "catalog", severity, price.id, values)] if code else []


def _verdict(product: SoldProduct, price: PriceRead, problem: str) -> tuple[str, str]:
    if problem == plans.BAD_PLAN:
        return _bad_plan(price), BROKEN
    if problem == plans.UNKNOWN_PRODUCT:
        return "price_unknown_product", BROKEN
    if problem == plans.UNSUPPORTED:
        return "price_unsupported", WARNING
    bound, named = number_in(product.metadata, PRODUCT), _named(price)
    if bound and named and bound != named:
        return "price_other_product", WARNING
    if not problem and not price.metadata.get(PLAN):
        return "price_without_plan", HINT
    return "", ""


def _bad_plan(price: PriceRead) -> str:
    """What is wrong with a plan; one without an interval has no free days to be wrong about."""
    if _named(price) is None:
        return "price_invalid"
    return "price_trial_invalid" if price.interval else "price_without_period"


def _named(price: PriceRead) -> int | None:
    """The product a price names by itself: 0 for none, None where its `skm` cannot be read."""
    try:
        return create_key.parse(price.metadata.get(PLAN, "")).product_id or 0
    except Invalid:
        return None
