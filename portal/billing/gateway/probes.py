"""What a key may do, found out without changing anything: lists of one object, changes of objects nobody has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import Refused, translated

READ, WRITE = "Read", "Write"
NOBODY = "latchkey_no_such_object"


@dataclass(frozen=True)
class KeyRead:
    """Whose key it is, and the time at Stripe. account_id: empty where a restricted key may not ask."""

    account_id: str
    stripe_time: datetime | None


def read_key(connection: Connection) -> KeyRead:
    """Ask Stripe whose key this is. Raises KeyRefused for one that opens nothing, and Unreachable."""
    import stripe

    with translated():
        try:
            found = connection.client().v1.accounts.retrieve_current()
        except stripe.PermissionError as error:
            return KeyRead("", _date(error.headers))
    answer = found.last_response
    return KeyRead(str(found.id), _date(answer.headers if answer else None))


def may(connection: Connection, name: str, level: str) -> bool:
    """Whether a key has a permission, named as in Stripe's dashboard; True for one that cannot be tried.

    Raises Unreachable, and KeyRefused.
    """
    probe = _probes(connection).get((name, level))
    return probe is None or _may(probe)


def is_known(name: str, level: str) -> bool:
    """Whether there is a probe for a permission."""
    return (name, level) in _probes(Connection("sk_test_nobody"))


def _probes(connection: Connection) -> dict[tuple[str, str], Callable[[], Any]]:
    v1 = connection.client().v1
    one: Any = {"limit": 1}
    nothing: Any = {}
    return {
        ("Customers", READ): lambda: v1.customers.list(one),
        ("Customers", WRITE): lambda: v1.customers.update(f"cus_{NOBODY}", nothing),
        ("Customer portal", READ): lambda: v1.billing_portal.configurations.list(one),
        ("Customer portal", WRITE): lambda: v1.billing_portal.configurations.update(f"bpc_{NOBODY}", nothing),
        ("Subscriptions", READ): lambda: v1.subscriptions.list(one),
        ("Subscriptions", WRITE): lambda: v1.subscriptions.update(f"sub_{NOBODY}", nothing),
        ("Products", READ): lambda: v1.products.list(one),
        ("Products", WRITE): lambda: v1.products.update(f"prod_{NOBODY}", nothing),
        ("Prices", READ): lambda: v1.prices.list(one),
        ("Prices", WRITE): lambda: v1.prices.update(f"price_{NOBODY}", nothing),
        ("Invoices", READ): lambda: v1.invoices.list(one),
        ("Invoices", WRITE): lambda: v1.invoices.update(f"in_{NOBODY}", nothing),
        ("PaymentIntents", READ): lambda: v1.payment_intents.list(one),
        ("PaymentIntents", WRITE): lambda: v1.payment_intents.update(f"pi_{NOBODY}", nothing),
        ("Charges and Refunds", READ): lambda: v1.refunds.list(one),
        ("Disputes", READ): lambda: v1.disputes.list(one),
        ("Events", READ): lambda: v1.events.list(one),
        ("Quotes", READ): lambda: v1.quotes.list(one),
        ("Checkout Sessions", READ): lambda: v1.checkout.sessions.list(one),
        ("Checkout Sessions", WRITE): lambda: v1.checkout.sessions.expire(f"cs_{NOBODY}"),
        ("Webhook Endpoints", READ): lambda: v1.webhook_endpoints.list(one),
        ("Webhook Endpoints", WRITE): lambda: v1.webhook_endpoints.update(f"we_{NOBODY}", nothing),
    }


def _may(probe: Callable[[], Any]) -> bool:
    import stripe

    try:
        with translated():
            try:
                probe()
            except stripe.PermissionError:
                return False
    except Refused:  # there is no such object: the key was let in
        return True
    return True


def _date(headers: Any) -> datetime | None:
    if headers is None:
        return None
    text = headers.get("Date") or headers.get("date")
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
