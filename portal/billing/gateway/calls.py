"""What we ask of Stripe. Every call is made with no database transaction open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from portal.billing.gateway.connection import Connection
from portal.billing.gateway.errors import NoSuchCustomer, Refused, translated
from portal.billing.gateway.objects import (
    CustomerRead,
    ProductRead,
    SubscriptionRead,
    read_customer,
    read_product,
    read_subscription,
)

PAGE = 100


def ask(connection: Connection, method: str, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """One call, answered as plain values; to be used inside `translated`.

    Making the library's own objects of an answer costs more than the call: this is for what workers ask all the time.
    """
    return dict(connection.client().raw_request(method, path, **params).data)


def retrieve_account_id(connection: Connection) -> str:
    """The account a key belongs to; empty where a restricted key may not ask. Raises KeyRefused for a bad key."""
    import stripe

    with translated():
        try:
            return str(connection.client().v1.accounts.retrieve_current().id)
        except stripe.PermissionError:
            return ""


def create_customer(connection: Connection, params: dict[str, Any], idempotency_key: str) -> CustomerRead:
    """A new customer; repeating the call with the same key answers the same customer."""
    with translated():
        made = connection.client().v1.customers.create(params, {"idempotency_key": idempotency_key})  # type: ignore[arg-type]
    return read_customer(made.to_dict())


def retrieve_customer(connection: Connection, stripe_id: str) -> CustomerRead:
    """A customer as it is now; deleted ones answer with `is_deleted`. Raises NoSuchCustomer."""
    with translated():
        try:
            found = ask(connection, "get", f"/v1/customers/{quote(stripe_id, safe='')}", {})
        except Exception as error:
            if getattr(error, "code", None) == "resource_missing":
                raise NoSuchCustomer("", code="resource_missing", param="id") from error
            raise
    return read_customer(found)


def find_customers_by_email(connection: Connection, email: str) -> list[CustomerRead]:
    """Customers with exactly this address, newest first, at most 100. Only to look at their metadata."""
    with translated():
        found = connection.client().v1.customers.list({"email": email, "limit": PAGE})
    return [read_customer(one.to_dict()) for one in found.data]


def list_customers(connection: Connection) -> Iterator[CustomerRead]:
    """All customers of the account, newest first."""
    return (read_customer(one) for one in pages(connection.client().v1.customers.list, {}))


def list_subscriptions(connection: Connection, stripe_customer_id: str | None = None) -> Iterator[SubscriptionRead]:
    """All subscriptions of the account or of one of its customers, ended ones included."""
    params: dict[str, Any] = {"status": "all", "expand": ["data.items.data.price"]}
    if stripe_customer_id is not None:
        params["customer"] = stripe_customer_id
    return (read_subscription(one) for one in pages(connection.client().v1.subscriptions.list, params))


def list_products(connection: Connection, ids: Sequence[str]) -> dict[str, ProductRead]:
    """Products by id; those Stripe does not know are left out."""
    found: dict[str, ProductRead] = {}
    for start in range(0, len(ids), PAGE):
        params = {"ids": list(ids[start : start + PAGE]), "limit": PAGE}
        with translated():
            page = connection.client().v1.products.list(params)  # type: ignore[arg-type]
        found |= {one.id: read_product(one.to_dict()) for one in page.data}
    return found


def create_portal_session(connection: Connection, params: dict[str, Any]) -> str:
    """The address of a fresh session of the billing portal. A bearer secret: never store, log or mail it.

    params: `customer` and `return_url` at least. Raises NoSuchCustomer, Refused, Unreachable, KeyRefused.
    """
    if not params.get("customer"):
        raise ValueError("A portal session needs a customer; Stripe's own description does not insist on it.")
    with translated():
        session = connection.client().v1.billing_portal.sessions.create(params)  # type: ignore[arg-type]
    if not session.url:
        raise Refused("")
    return str(session.url)


def pages(fetch: Callable[[Any], Any], params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All objects of a list, asked for page by page as they are needed."""
    after: dict[str, Any] = {}
    while True:
        with translated():
            page = fetch({**params, "limit": PAGE, **after})
        yield from (one.to_dict() for one in page.data)
        if not page.has_more or not page.data:
            return
        after = {"starting_after": page.data[-1].id}
