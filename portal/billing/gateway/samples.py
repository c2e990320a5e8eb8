"""Bounded looks at what an account holds, for checks: so many objects at most, and whether that was all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import translated
from portal.billing.gateway.objects import CustomerRead, read_customer
from portal.billing.gateway.prices import PriceRead, read_price
from portal.billing.gateway.values import identifier, metadata, moment

PAGE = 100
MOST_TYPES = 20
Read = TypeVar("Read")


@dataclass(frozen=True)
class Sample(Generic[Read]):
    """The newest objects of a kind. is_all: there are no others."""

    found: tuple[Read, ...] = ()
    is_all: bool = True


@dataclass(frozen=True)
class SoldProduct:
    """A product as the catalog shows it."""

    id: str
    name: str
    is_active: bool
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RunningRead:
    """A subscription that has not ended."""

    id: str
    customer_id: str
    status: str
    created_at: datetime | None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HappenedRead:
    """An event in Stripe's list."""

    id: str
    type: str
    created_at: datetime | None


def products(connection: Connection, most: int) -> Sample[SoldProduct]:
    """Products, archived ones included, newest first."""
    return _sample(connection.client().v1.products.list, {}, most, _product)


def prices(connection: Connection, most: int) -> Sample[PriceRead]:
    """Prices that are not archived, newest first."""
    params = {"active": True, "expand": ["data.product"]}
    return _sample(connection.client().v1.prices.list, params, most, read_price)


def customers(connection: Connection, most: int) -> Sample[CustomerRead]:
    """Customers, newest first."""
    return _sample(connection.client().v1.customers.list, {}, most, read_customer)


def running_subscriptions(connection: Connection, most: int, **filters: str) -> Sample[RunningRead]:
    """Subscriptions that have not ended, newest first."""
    return _sample(connection.client().v1.subscriptions.list, dict(filters), most, _running)


def newest_event(connection: Connection, types: Sequence[str], **filters: Any) -> HappenedRead | None:
    """The newest event among these types in the last thirty days."""
    found = [_newest(connection, {"types": list(part), **filters}) for part in _parts(types)]
    return max((one for one in found if one), key=lambda one: one.created_at or datetime.min, default=None)


def _sample(
    fetch: Callable[[Any], Any], params: dict[str, Any], most: int, read: Callable[[dict[str, Any]], Read]
) -> Sample[Read]:
    found: list[Read] = []
    after: dict[str, Any] = {}
    while True:
        with translated():
            page = fetch({**params, "limit": min(PAGE, most - len(found)), **after})
        found += [read(one.to_dict()) for one in page.data]
        if not page.has_more or not page.data or len(found) >= most:
            return Sample(tuple(found), not page.has_more)
        after = {"starting_after": page.data[-1].id}


def _newest(connection: Connection, filters: Any) -> HappenedRead | None:
    with translated():
        page = connection.client().v1.events.list({**filters, "limit": 1})
    return next((_happened(one.to_dict()) for one in page.data), None)


def _parts(types: Sequence[str]) -> list[Sequence[str]]:
    return [types[start : start + MOST_TYPES] for start in range(0, len(types), MOST_TYPES)]


def _product(found: Mapping[str, Any]) -> SoldProduct:
    return SoldProduct(identifier(found), str(found.get("name") or ""), bool(found.get("active")), metadata(found))


def _running(found: Mapping[str, Any]) -> RunningRead:
    status, customer = str(found.get("status") or ""), identifier(found.get("customer"))
    return RunningRead(identifier(found), customer, status, moment(found.get("created")), metadata(found))


def _happened(found: Mapping[str, Any]) -> HappenedRead:
    return HappenedRead(identifier(found), str(found.get("type") or ""), moment(found.get("created")))
