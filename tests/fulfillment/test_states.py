"""The table of states: what people read is what the code does, and the money comes before the status."""

from __future__ import annotations

import pytest

from portal.billing.gateway import PaymentRead
from portal.fulfillment import states
from portal.vendors.switches import Switches
from tests.docs import documents

pytestmark = pytest.mark.sqlite_only


def test_the_document_shows_every_state() -> None:
    rows = documents.get("docs/fulfillment.md").rows("Stripe says", "the license")

    assert [row[0] for row in rows[:-1]] == list(states.SUBSCRIPTION_STATES)


def test_the_document_shows_every_state_of_what_is_paid_once() -> None:
    rows = documents.get("docs/fulfillment.md").rows("a checkout or an invoice that is", "the license")

    assert {name for row in rows[:-1] for name in row[0].split(", ")} == {
        *states.PAYMENT_STATES,
        *states.INVOICE_STATES,
    }
    for names, shown in rows[:-1]:
        meant = {states.PAYMENT_STATES.get(name, states.INVOICE_STATES.get(name)) for name in names.split(", ")}
        assert [state.effect == states.SERVE for state in meant if state] == [shown.startswith("made")]


@pytest.mark.parametrize("status", ["", "brand_new", "ACTIVE", "canceled "])
def test_an_unknown_status_keeps_everything(status: str) -> None:
    assert states.of_subscription(status).effect == states.LOOK
    assert states.of_payment(status).effect == states.LOOK


@pytest.mark.parametrize(
    ("payments", "because"),
    [
        ([], ""),
        ([PaymentRead(1900, 0, "")], ""),
        ([PaymentRead(1900, 1899, "")], ""),
        ([PaymentRead(1900, 1900, "")], "refunded"),
        ([PaymentRead(1900, 1900, ""), PaymentRead(100, 0, "")], ""),
        ([PaymentRead(1900, 0, "open")], "disputed"),
        ([PaymentRead(1900, 0, "won")], ""),
        ([PaymentRead(1900, 0, "lost")], "refunded"),
        ([PaymentRead(0, 0, "")], ""),
    ],
)
def test_refunds_and_disputes(payments: list[PaymentRead], because: str) -> None:
    active = states.of_subscription("active")

    assert states.after_the_money(active, payments, Switches()).because == because
    kept = Switches(refund_policy="keep", dispute_policy="keep")
    assert states.after_the_money(active, payments, kept) == active


def test_what_has_ended_stays_ended_and_what_waits_waits() -> None:
    for status, effect in (("canceled", states.END), ("incomplete", states.WAIT)):
        state = states.of_subscription(status)
        assert states.after_the_money(state, [PaymentRead(1, 1, "open")], Switches()) == state
        assert state.effect == effect
