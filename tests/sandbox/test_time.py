"""What happens by itself when the clock moves."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from portal.sandbox.engine import periods
from tests.sandbox.conftest import client_for
from tests.sandbox.shop import Shop
from tests.support.sandbox_server import DAY, running_sandbox


def at(year, month, day):
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("anchor", "interval", "steps", "expected"),
    [
        (at(2026, 1, 31), "month", 1, at(2026, 2, 28)),
        (at(2026, 1, 31), "month", 2, at(2026, 3, 31)),
        (at(2024, 2, 29), "year", 1, at(2025, 2, 28)),
        (at(2024, 2, 29), "year", 4, at(2028, 2, 29)),
        (at(2026, 12, 15), "month", 1, at(2027, 1, 15)),
        (at(2026, 1, 1), "week", 2, at(2026, 1, 15)),
        (at(2026, 1, 1), "day", 30, at(2026, 1, 31)),
    ],
)
def test_periods_keep_the_day_of_their_anchor(anchor, interval, steps, expected):
    assert periods.shifted(anchor, interval, steps) == expected


@pytest.mark.parametrize("interval", ["day", "week", "month", "year"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_next_boundary_is_the_first_after_the_moment(interval, count):
    anchor, recurring = at(2024, 1, 31), {"interval": interval, "interval_count": count}
    boundaries = [periods.shifted(anchor, interval, step * count) for step in range(1, 60)]

    for before, after in pairwise(boundaries):
        assert periods.end_after(anchor, recurring, before) == after
        assert periods.end_after(anchor, recurring, after - 1) == after


def test_a_subscription_renews_and_is_invoiced(client, shop, sandbox):
    made = shop.subscribe()
    sandbox.clock.move(days=70)
    found = client.v1.subscriptions.retrieve(made.id)
    item = found["items"].data[0]
    invoices = client.v1.invoices.list({"subscription": made.id}).data

    assert found.status == "active"
    assert item.current_period_start == periods.shifted(made.billing_cycle_anchor, "month", 2)
    assert item.current_period_end == periods.shifted(made.billing_cycle_anchor, "month", 3)
    assert [invoice.billing_reason for invoice in invoices] == [
        "subscription_cycle",
        "subscription_cycle",
        "subscription_create",
    ]
    assert invoices[0].created == item.current_period_start
    assert {invoice.status for invoice in invoices} == {"paid"}


def test_a_renewal_that_fails_makes_it_past_due(client, shop, sandbox):
    customer = shop.customer()
    made = shop.subscribe(customer)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": bad.id}})
    sandbox.clock.move(days=32)

    assert client.v1.subscriptions.retrieve(made.id).status == "past_due"
    assert len(client.v1.invoices.list({"status": "open", "customer": customer.id}).data) == 1


def test_a_trial_becomes_a_paid_subscription(client, shop, sandbox):
    made = shop.subscribe(trial_period_days=10)
    sandbox.clock.move(days=11)
    found = client.v1.subscriptions.retrieve(made.id, {"expand": ["latest_invoice"]})

    assert (found.status, found.latest_invoice.total) == ("active", 1000)
    assert found["items"].data[0].current_period_start == made.trial_end


@pytest.mark.parametrize(
    ("behavior", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")]
)
def test_a_trial_without_a_card_ends_as_asked(client, shop, sandbox, behavior, status):
    made = shop.subscribe(
        shop.customer(card=None),
        trial_period_days=10,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    sandbox.clock.move(days=11)

    assert client.v1.subscriptions.retrieve(made.id).status == status


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_a_planned_cancellation_happens_on_its_day(client, shop, sandbox, mode):
    made = shop.subscribe(billing_mode={"type": mode})
    end = made["items"].data[0].current_period_end
    client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    asked_at = sandbox.clock()
    sandbox.clock.now = end - 1
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    sandbox.clock.now = end + 5 * DAY
    ended = client.v1.subscriptions.retrieve(made.id)

    assert (ended.status, ended.ended_at, ended.canceled_at) == ("canceled", end, asked_at)
    assert len(client.v1.invoices.list({"subscription": made.id}).data) == 1


def test_cancel_at_in_the_middle_of_a_period(client, shop, sandbox):
    made = shop.subscribe()
    moment = sandbox.clock() + 3 * DAY
    client.v1.subscriptions.update(made.id, {"cancel_at": moment})
    sandbox.clock.move(days=4)

    assert client.v1.subscriptions.retrieve(made.id).ended_at == moment


def test_an_incomplete_subscription_expires_within_a_day(client, shop, sandbox):
    made = shop.subscribe(payment_behavior="default_incomplete")
    sandbox.clock.move(hours=22)
    assert client.v1.subscriptions.retrieve(made.id).status == "incomplete"
    sandbox.clock.move(hours=2)

    assert client.v1.subscriptions.retrieve(made.id).status == "incomplete_expired"
    assert client.v1.invoices.retrieve(made.latest_invoice).status == "void"


def test_many_years_pass_at_once():
    with running_sandbox() as sandbox:
        client = client_for(sandbox, "sk_test_many_years")
        shop = Shop(client)
        made = shop.subscribe(price=shop.yearly)
        sandbox.clock.move(days=365 * 30)

        item = client.v1.subscriptions.retrieve(made.id)["items"].data[0]
        assert item.current_period_start <= sandbox.clock() < item.current_period_end
        assert sandbox.judge.problems == []
