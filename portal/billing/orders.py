"""Orders: a customer's decision to buy, recorded before Stripe hears of it, and what became of it.

One order is open per customer and plan; clicking *Buy* again continues it. What an order says about money comes from
Stripe alone (`settle`), never from an address somebody opened.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, and_, or_, select, update

from portal import clock, crypto
from portal.audit import service as audit
from portal.billing.models import Order, Plan
from portal.database import insert_into
from portal.extensions import db

OPEN, WAITING, PAID, FAILED, EXPIRED = "open", "waiting", "paid", "failed", "expired"
# From which states an order may come to another one. Money beats everything.
MAY_FOLLOW = {
    WAITING: (OPEN, FAILED, EXPIRED),
    PAID: (OPEN, WAITING, FAILED, EXPIRED),
    FAILED: (OPEN, WAITING, EXPIRED),
    EXPIRED: (OPEN,),
}
LIFE = timedelta(hours=25)  # a checkout lives for 24 hours
SHOWN = 10


@dataclass(frozen=True)
class Wish:
    """What somebody wants to buy for which customer. mode: `subscription`, or `payment` for what is paid once."""

    customer_id: int
    price_id: str
    mode: str
    quantity: int
    trial_days: int = 0


@dataclass(frozen=True)
class Ordered:
    """An order as plain values; see `billing.models.Order`. session_url: opened, empty unless the order is open."""

    vendor_id: int
    id: str
    customer_id: int
    price_id: str
    mode: str
    quantity: int
    livemode: bool
    state: str
    attempt: int
    session_id: str
    session_url: str
    stripe_id: str
    created_at: datetime
    checked_at: datetime | None


def begin(vendor_id: int, user_id: int, wish: Wish, *, livemode: bool) -> Ordered:
    """The open order for this wish, or a new one; commit afterwards."""
    place = {"vendor_id": vendor_id, "customer_id": wish.customer_id, "price_id": wish.price_id}
    fresh = {
        "id": f"order_{secrets.token_hex(12)}",
        "user_id": user_id,
        "mode": wish.mode,
        "quantity": wish.quantity,
        "livemode": livemode,
        "state": OPEN,
        "attempt": 1,
        "session_id": "",
        "session_url": "",
        "stripe_id": "",
        "created_at": clock.now(),
    }
    db.session.execute(insert_into(Order).values(**place, **fresh).on_conflict_do_nothing())
    order = db.session.scalars(select(Order).filter_by(**place, state=OPEN)).one()
    if order.id == fresh["id"]:
        after = {"order": order.id, "price": wish.price_id, "quantity": wish.quantity}
        audit.record(vendor_id, "order.begin", f"customer:{wish.customer_id}", after=after)
    return plain(order)


def find(vendor_id: int, order_id: str) -> Ordered | None:
    """An order by its id."""
    found = db.session.get(Order, (vendor_id, order_id[:40]), populate_existing=True)
    return plain(found) if found else None


def find_mine(vendor_id: int, order_id: str, customer_ids: Collection[int]) -> Ordered | None:
    """An order of one of these customers."""
    found = find(vendor_id, order_id)
    return found if found and found.customer_id in customer_ids else None


def keep_session(order: Ordered, session_id: str, url: str) -> Ordered:
    """Note the checkout of an open order, unless it has one; commit afterwards. The order as it stands then."""
    free = and_(_this(order), Order.state == OPEN, Order.session_id.in_(("", session_id)))
    sealed = crypto.seal(url, _place(order.vendor_id, order.id)) if url else ""
    _change(free, session_id=session_id, session_url=sealed, checked_at=clock.now())
    return cast(Ordered, find(order.vendor_id, order.id))


def raise_attempt(order: Ordered) -> None:
    """Take the next idempotency key, unless somebody else did already; commit afterwards."""
    _change(and_(_this(order), Order.state == OPEN, Order.attempt == order.attempt), attempt=order.attempt + 1)


def note_look(order: Ordered) -> None:
    """Note that Stripe was asked about an order just now."""
    _change(_this(order), checked_at=clock.now())


def settle(vendor_id: int, order_id: str, state: str, *, stripe_id: str = "") -> bool:
    """Bring an order to what Stripe says, where that may follow; whether it changed. Commit afterwards.

    stripe_id: the purchase it became.
    """
    values: dict[str, Any] = {"state": state, "session_url": ""}
    if state != WAITING:
        values["closed_at"] = clock.now()
    if stripe_id:
        values["stripe_id"] = stripe_id[:255]
    mine = and_(Order.vendor_id == vendor_id, Order.id == order_id[:40])
    return _change(and_(mine, Order.state.in_(MAY_FOLLOW[state])), **values)


def customer_of(vendor_id: int, order_id: str, livemode: bool) -> int | None:
    """Whose order it is, in this mode; None for an id that is none of ours."""
    mine = (Order.vendor_id == vendor_id, Order.id == order_id[:40], Order.livemode == livemode)
    return db.session.scalar(select(Order.customer_id).where(*mine)) if order_id else None


def close_all(vendor_id: int, livemode: bool) -> None:
    """Close what is open, because the vendor's Stripe account is another one now."""
    mine = and_(Order.vendor_id == vendor_id, Order.livemode == livemode, Order.state == OPEN)
    _change(mine, state=EXPIRED, session_url="", closed_at=clock.now())


def list_open(vendor_id: int, livemode: bool | None) -> list[str]:
    """The ids of orders that may still be paid, the oldest first."""
    mine = (Order.vendor_id == vendor_id, Order.livemode == livemode, Order.state == OPEN)
    return list(db.session.scalars(select(Order.id).where(*mine).order_by(Order.created_at)))


def list_for(
    vendor_id: int, livemode: bool | None, customer_ids: Sequence[int], *states: str
) -> list[tuple[Order, Plan | None]]:
    """The latest orders of these customers in these states, newest first, each with its plan: one query."""
    plan = and_(Plan.vendor_id == Order.vendor_id, Plan.price_id == Order.price_id)
    found = (
        select(Order, Plan)
        .outerjoin(Plan, plan)
        .where(
            Order.vendor_id == vendor_id,
            Order.livemode == livemode,
            Order.customer_id.in_(customer_ids),
            Order.state.in_(states),
            or_(Order.state != OPEN, and_(Order.session_id != "", Order.created_at > clock.now() - LIFE)),
        )
        .order_by(Order.created_at.desc(), Order.id)
        .limit(SHOWN)
    )
    return [(row[0], row[1]) for row in db.session.execute(found)]


def plain(order: Order) -> Ordered:
    """The values of a row, the address opened."""
    names = [name for name in Ordered.__dataclass_fields__ if name != "session_url"]
    sealed = order.session_url
    url = crypto.open_sealed(sealed, _place(order.vendor_id, order.id)) if sealed else ""
    return Ordered(session_url=url, **{name: getattr(order, name) for name in names})


def _this(order: Ordered) -> ColumnElement[bool]:
    return and_(Order.vendor_id == order.vendor_id, Order.id == order.id)


def _change(which: ColumnElement[bool], **values: Any) -> bool:
    statement = update(Order).where(which).values(**values).execution_options(synchronize_session=False)
    return cast("CursorResult[Any]", db.session.execute(statement)).rowcount > 0


def _place(vendor_id: int, order_id: str) -> str:
    return f"order:{vendor_id}:{order_id}:session_url"
