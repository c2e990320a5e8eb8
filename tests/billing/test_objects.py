"""Old and new shapes of Stripe's objects read alike, and what Stripe answers badly becomes one of our errors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from portal.billing import gateway
from portal.billing.gateway.objects import read_customer, read_subscription
from tests.support.sandbox_server import RunningSandbox

pytestmark = pytest.mark.sqlite_only
END = 1_790_000_000
PRICE = {
    "product": "prod_1",
    "unit_amount": 500,
    "currency": "eur",
    "recurring": {"interval": "year", "interval_count": 2},
}


def subscription(**fields):
    return {
        "id": "sub_1",
        "customer": "cus_1",
        "status": "active",
        "livemode": False,
        "metadata": {},
        "items": {"data": [{"price": PRICE, "quantity": 3}]},
        **fields,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"current_period_end": END},
        {
            "items": {
                "data": [{"price": PRICE, "current_period_end": END - 9}, {"price": PRICE, "current_period_end": END}]
            }
        },
    ],
)
def test_the_period_ends_where_either_shape_says(fields: dict) -> None:
    assert read_subscription(subscription(**fields)).period_end == datetime.fromtimestamp(END, UTC)


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        ({"cancel_at": END}, True),
        ({"cancel_at_period_end": True, "current_period_end": END}, True),
        ({"cancel_at": END, "cancel_at_period_end": True, "current_period_end": END - 9}, True),
        ({"cancel_at_period_end": False, "current_period_end": END}, False),
        ({}, False),
    ],
)
def test_both_ways_to_cancel_are_read(fields: dict, ends: bool) -> None:
    found = read_subscription(subscription(**fields)).cancel_at
    assert found == (datetime.fromtimestamp(END, UTC) if ends else None)


def test_amounts_add_up_over_items_and_are_unknown_where_one_is() -> None:
    two = {"data": [{"price": PRICE, "quantity": 3}, {"price": PRICE}]}
    found = read_subscription(subscription(items=two))
    assert (found.amount_minor, found.quantity, found.interval, found.interval_count) == (2000, 4, "year", 2)
    tiered = {"data": [{"price": {**PRICE, "unit_amount": None}}]}
    assert read_subscription(subscription(items=tiered)).amount_minor is None


def test_an_almost_empty_object_breaks_nothing() -> None:
    found = read_subscription({"id": "sub_1", "customer": {"id": "cus_1"}, "items": None, "metadata": None})
    assert (found.customer_id, found.status, found.period_end, found.items) == ("cus_1", "", None, ())
    assert read_customer({"id": "cus_1", "deleted": True}).is_deleted


def test_errors_of_stripe_become_ours(sandbox: RunningSandbox, key: str) -> None:
    connection = gateway.Connection(key, sandbox.url)
    with pytest.raises(gateway.NoSuchCustomer):
        gateway.create_portal_session(connection, {"customer": "cus_none", "return_url": "https://a.example"})
    with pytest.raises(gateway.NoSuchCustomer):
        gateway.retrieve_customer(connection, "cus_none")
    with pytest.raises(gateway.Refused):
        gateway.create_customer(connection, {"email": "no address"}, "idempotency-1")
    with pytest.raises(gateway.KeyRefused):
        gateway.retrieve_account_id(gateway.Connection("sk_test_invalid", sandbox.url))
    with pytest.raises(gateway.Unreachable):
        gateway.retrieve_account_id(gateway.Connection(key, "http://127.0.0.1:9", retries=0))
    with pytest.raises(ValueError, match="needs a customer"):
        gateway.create_portal_session(connection, {"return_url": "https://a.example"})
