"""How a license follows Stripe, as staff read it: every state, the whole life, this vendor's policies."""

from __future__ import annotations

import pytest

from portal.extensions import db
from portal.fulfillment import states
from portal.vendors import service as vendors
from tests.docs import documents
from tests.fulfillment.story import Story
from tests.support.page import Page

PATH = "/Reconciliation/States"
TABLES = (states.SUBSCRIPTION_STATES, states.PAYMENT_STATES, states.INVOICE_STATES)
EVERY_STATE = [
    pytest.param(number, status, state, id=f"{number}-{status}")
    for number, table in enumerate(TABLES)
    for status, state in table.items()
]
BEGINS = {
    states.WAIT: "No key",
    states.SERVE: "Made",
    states.KEEP: "Stays",
    states.SUSPEND: "Stays",
    states.END: "Blocked",
    states.LOOK: "Stays",
}
DOCUMENT = documents.get("docs/fulfillment.md")


def shown(staff: Page, number: int) -> dict[str, str]:
    """The rows of one of the page's tables."""
    table = staff.get(PATH).soup.select("main table")[number]
    rows = [(row.select_one("th"), row.select_one("td")) for row in table.select("tbody tr")]
    return {head.get_text(" ", strip=True): cell.get_text(" ", strip=True) for head, cell in rows if head and cell}


@pytest.mark.parametrize(("number", "status", "state"), EVERY_STATE)
def test_every_status_of_the_table_is_shown(staff: Page, number: int, status: str, state: states.State) -> None:
    assert shown(staff, number)[status].startswith(BEGINS[state.effect])


@pytest.mark.parametrize("number", range(len(TABLES)))
def test_nothing_else_is_shown_but_what_happens_to_the_rest(staff: Page, number: int) -> None:
    rows = shown(staff, number)

    assert list(rows) == [*TABLES[number], "anything else"]
    assert "staff should look" in rows["anything else"]


def test_the_life_of_a_subscription_has_the_rows_of_the_document(staff: Page) -> None:
    told = [row[0] for row in DOCUMENT.rows("what happens", "the key")]

    assert [what[0].lower() + what[1:] for what in shown(staff, len(TABLES))] == told


@pytest.mark.parametrize(
    ("switch", "value", "row", "said"),
    [
        ("refund_policy", "block", "The whole last payment is refunded", "Is blocked, by your refund policy."),
        ("refund_policy", "keep", "The whole last payment is refunded", "Stays as it is, by your refund policy."),
        ("refund_policy", "block", "The dispute is lost", "is blocked"),
        ("refund_policy", "keep", "The dispute is lost", "works on"),
        ("dispute_policy", "suspend", "A dispute is opened", "Is blocked, by your dispute policy."),
        ("dispute_policy", "keep", "A dispute is opened", "Stays as it is, by your dispute policy."),
        ("dispute_policy", "suspend", "The dispute is won", "Works again."),
        ("dispute_policy", "keep", "The dispute is won", "Stays as it is."),
        ("grace_days", 0, "The renewal fails", "0 days of grace"),
        ("grace_days", 1, "The renewal fails", "1 day of grace"),
        ("grace_days", 14, "Renewal", "14 days of grace"),
    ],
)
def test_the_life_names_the_policies_of_this_vendor(
    story: Story, staff: Page, switch: str, value: str | int, row: str, said: str
) -> None:
    vendors.set_switch(story.vendor, switch, str(value))
    db.session.commit()

    assert said in shown(staff, len(TABLES))[row]


def test_the_states_name_the_grace_of_this_vendor(story: Story, staff: Page) -> None:
    vendors.set_switch(story.vendor, "grace_days", "14")
    db.session.commit()

    rows = shown(staff, 0)
    assert all("14 days of grace" in rows[status] for status in ("trialing", "active", "past_due", "unpaid"))
