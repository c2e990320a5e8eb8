"""What random histories have found, each as one plain story."""

from __future__ import annotations

from portal.fulfillment.models import PaidUnit
from tests.fulfillment.story import Story


def _upgrade(story: Story, bought: object, quantity: int) -> None:
    """Another quantity, billed at once."""
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    change = {"items": [{"id": item, "quantity": quantity}], "proration_behavior": "always_invoice"}
    story.shop.v1.subscriptions.update(bought.id, change)  # type: ignore[attr-defined]


def test_a_dispute_won_while_the_next_bill_waits_opens_the_key(story: Story) -> None:
    buyer = story.shop.customer(story.customer())
    bought = story.buy(buyer=buyer)
    dispute = story.do("dispute", story.charge_of(bought))
    story.happens(bought)
    assert story.licenses() == []

    story.do("win", dispute["id"])
    story.happens(bought)
    dispute = story.do("dispute", _second_payment(story, buyer, bought))
    story.happens(bought)
    assert story.the_key().block

    failing = story.shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": buyer.id})
    settings = {"default_payment_method": failing.id}
    story.shop.v1.customers.update(buyer.id, {"invoice_settings": settings})
    story.move(days=32)
    story.do("win", dispute["id"])
    story.happens(bought)

    assert story.at_stripe(bought)["status"] == "past_due"
    assert not story.the_key().block


def _second_payment(story: Story, buyer: object, bought: object) -> str:
    """The charge of the next month."""
    story.move(days=32)
    return story.charge_of(bought)


def test_a_bill_over_nothing_does_not_undo_the_refund_of_the_month(story: Story) -> None:
    bought = story.buy(story.customer(), quantity=3)
    story.happens(bought)
    story.do("refund", story.charge_of(bought))
    story.happens(bought)
    assert all(key.block for key in story.licenses())

    story.move(days=1)
    _upgrade(story, bought, 1)
    story.happens(bought)
    assert all(key.block for key in story.licenses())


def test_a_refunded_upgrade_does_not_undo_a_month_paid_out_of_band(story: Story) -> None:
    buyer = story.shop.customer(story.customer())
    bought = story.buy(buyer=buyer, collection_method="send_invoice", days_until_due=14)
    story.shop.v1.invoices.pay(story.at_stripe(bought)["latest_invoice"], {"paid_out_of_band": True})
    story.shop.v1.subscriptions.update(bought.id, {"collection_method": "charge_automatically"})
    story.move(days=1)
    _upgrade(story, bought, 2)
    story.happens(bought)
    story.do("refund", story.charge_of(bought))
    story.happens(bought)

    assert [unit.blocked_because for unit in story.units()] == ["", ""]
    assert not any(key.block for key in story.licenses())
    assert len({unit.license_global_id for unit in story.units() if isinstance(unit, PaidUnit)}) == 2
