"""Steering the sandbox: its clock, its settings, ordered accidents. Behind the accidents page and the JSON API."""

from typing import TYPE_CHECKING, Any

from portal.sandbox.accidents import mishaps, orders, twists
from portal.sandbox.engine import policies, renewing
from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Ledger

if TYPE_CHECKING:
    from portal.sandbox import Sandbox

KINDS = (*mishaps.KINDS, *twists.KINDS, "billing_mode")
MOST_SECONDS = 10 * 366 * 86_400
# Facts an order may carry, and how each must look.
FACTS: dict[str, type | tuple[type, ...]] = {
    "account": str,
    "api_version": str,
    "copies": int,
    "method": str,
    "mode": str,
    "path": str,
    "retry_after": int,
    "seconds": (int, float),
    "should_retry": bool,
    "types": list,
}


def move_clock(sandbox: "Sandbox", seconds: float) -> int:
    """Go forward, and let everything happen that comes due. Returns the new time."""
    if not 0 <= seconds <= MOST_SECONDS:
        raise StripeError("The clock goes forward only, and at most ten years at once.", param="seconds")
    sandbox.clock.move(int(seconds))
    renewing.catch_up(sandbox.store, sandbox.clock(), sandbox.public_url)
    with sandbox.store.transaction() as connection:
        orders.note(connection, orders.EVERYBODY, "clock_moved", {"seconds": int(seconds)}, sandbox.clock())
    return sandbox.clock()


def order(sandbox: "Sandbox", kind: str, times: int, facts: dict[str, Any]) -> int:
    """Order an accident; returns its number. Raises StripeError."""
    if kind not in KINDS:
        raise StripeError(f"No such accident: {kind}. There are: {', '.join(KINDS)}.", param="kind")
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= 1_000_000:
        raise StripeError("`times` is a whole number from 1.", param="times")
    for name, value in facts.items():
        if name not in FACTS or not isinstance(value, FACTS[name]):
            raise StripeError(f"An accident cannot carry {name}={value!r}.", param=name)
    facts = dict(facts)
    account = facts.pop("account", orders.EVERYBODY)
    with sandbox.store.transaction() as connection:
        return orders.order(connection, account, kind, times, facts, sandbox.clock())


def release(sandbox: "Sandbox") -> int:
    """Send webhooks that a reorder holds back. Returns how many."""
    freed = 0
    with sandbox.store.transaction() as connection:
        for row in connection.execute("SELECT DISTINCT account FROM deliveries WHERE state = 'held'").fetchall():
            freed += twists.release(Ledger(connection, row["account"], sandbox.clock(), sandbox.public_url))
    return freed


def change_settings(sandbox: "Sandbox", given: dict[str, Any]) -> None:
    """Change what the sandbox does where Stripe leaves a choice. Raises StripeError."""
    for name, value in given.items():
        if value not in policies.CHOICES.get(name, ()):
            raise StripeError(f"{name} cannot be {value!r}.", param=name)
        sandbox.store.set_setting(name, value)


def state(sandbox: "Sandbox") -> dict[str, Any]:
    """Everything that is set, ordered, waiting and done."""
    with sandbox.store.transaction(write=False) as connection:
        ledger = Ledger(connection, orders.EVERYBODY, sandbox.clock(), sandbox.public_url)
        counts = connection.execute("SELECT state, count(*) AS number FROM deliveries GROUP BY state").fetchall()
        return {
            "now": sandbox.clock(),
            "ahead_seconds": sandbox.clock.offset,
            "settings": {name: policies.read(ledger, name) for name in policies.CHOICES},
            "accidents": orders.waiting(connection),
            "deliveries": {row["state"]: row["number"] for row in counts},
            "happened": orders.happened(connection),
        }
