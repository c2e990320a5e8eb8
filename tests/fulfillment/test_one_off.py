"""Invoices without a subscription: sent from the dashboard, from a quote, or written by a checkout about itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from portal.billing.gateway import one_off
from portal.billing.gateway.money import read_invoice, sells_once
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.outbox.models import OutboxItem
from tests.fulfillment.story import Story


def invoice(story: Story, buyer: Any, *sold: tuple[Any, int], **more: Any) -> Any:
    """An invoice written by hand, sent, and not paid yet. sold: prices and quantities."""
    sent = {"customer": buyer.id, "collection_method": "send_invoice", "days_until_due": 14, **more}
    draft = story.shop.v1.invoices.create(sent)
    for price, quantity in sold:
        line = {"customer": buyer.id, "invoice": draft.id, "pricing": {"price": price.id}, "quantity": quantity}
        story.shop.v1.invoice_items.create(line)
    return story.shop.v1.invoices.finalize_invoice(draft.id)


def pay(story: Story, sent: Any, **how: Any) -> None:
    """It is paid, and Stripe says so."""
    story.shop.v1.invoices.pay(sent.id, how or {"paid_out_of_band": True})
    story.tell_of("invoice.paid", {"id": sent.id, "object": "invoice", "parent": None})


@pytest.mark.parametrize("out_of_band", [True, False])
def test_an_invoice_that_is_paid_becomes_keys(story: Story, out_of_band: bool) -> None:
    customer = story.customer()
    sent = invoice(story, story.shop.customer(customer), (story.once('{"F2": true, "Period": 30}'), 2))
    story.tell_of("invoice.finalized", {"id": sent.id})
    story.sweep("fulfillment.sweep_all")
    assert story.licenses() == []

    pay(story, sent, paid_out_of_band=out_of_band)
    keys = story.licenses()
    assert [(key.customer_id, key.period, key.active_features) for key in keys] == [(customer.id, 30, ["f2"])] * 2
    assert (story.purchase(sent).state, story.purchase(sent).amount_minor) == ("served", 19800)


def test_paying_it_is_told_any_number_of_times(story: Story) -> None:
    sent = invoice(story, story.shop.customer(story.customer()), (story.once(), 1))
    pay(story, sent)
    for kind in ("invoice.paid", "invoice.payment_succeeded"):
        story.tell_of(kind, {"id": sent.id})
    story.sweep("fulfillment.sweep_all")
    story.sweep("webhooks.sweep_events")

    assert story.the_key().period == 0


def test_our_ids_are_written_on_it(story: Story) -> None:
    sent = invoice(story, story.shop.customer(story.customer()), (story.once(), 1), metadata={"note": "mine"})
    pay(story, sent)

    metadata = story.shop.v1.invoices.retrieve(sent.id).to_dict()["metadata"]
    assert metadata["note"] == "mine"
    assert metadata["skm_key_globalid"] == str(story.the_key().global_id)


def test_an_invoice_for_other_work_is_none_of_our_business(story: Story) -> None:
    other = story.shop.v1.products.create({"name": "A day of consulting"})
    price = story.shop.v1.prices.create({"product": other.id, "currency": "usd", "unit_amount": 90000})
    pay(story, invoice(story, story.shop.customer(story.customer()), (price, 1)))
    story.sweep("fulfillment.sweep_all")

    assert (story.licenses(), story.count(Purchase)) == ([], 0)


def test_other_work_beside_our_product_is_left_out(story: Story) -> None:
    other = story.shop.v1.products.create({"name": "A day of consulting"})
    price = story.shop.v1.prices.create({"product": other.id, "currency": "usd", "unit_amount": 90000})
    sent = invoice(story, story.shop.customer(story.customer()), (price, 3), (story.once(), 1))
    pay(story, sent)

    assert (len(story.licenses()), story.purchase(sent).state) == (1, "served")


def test_an_invoice_for_nobody_we_know_is_unclaimed(story: Story) -> None:
    sent = invoice(story, story.shop.customer(), (story.once(), 1))
    pay(story, sent)

    assert (story.purchase(sent).state, story.purchase(sent).reason) == ("unclaimed", "no_customer")


def test_a_voided_invoice_is_over_without_a_key(story: Story) -> None:
    sent = invoice(story, story.shop.customer(story.customer()), (story.once(), 1))
    story.shop.v1.invoices.void_invoice(sent.id)
    story.tell_of("invoice.voided", {"id": sent.id})

    assert (story.licenses(), story.purchase(sent).state) == ([], "ended")


@pytest.mark.parametrize("first", ["checkout", "invoice"])
def test_the_invoice_of_a_checkout_makes_no_second_key(story: Story, first: str) -> None:
    session = story.checkout(story.customer(), story.once(), invoice_creation={"enabled": True})
    story.do("pay", session.id)
    written = story.shop.v1.checkout.sessions.retrieve(session.id).invoice
    told = [("checkout.session.completed", session.id), ("invoice.paid", written)]
    for kind, stripe_id in told if first == "checkout" else told[::-1]:
        story.tell_of(kind, {"id": stripe_id, "object": kind.rpartition(".")[0]})
    story.sweep("fulfillment.sweep_all")

    assert story.the_key()
    assert story.purchase(session).state == "served"


def test_it_comes_back_after_an_old_backup_with_the_same_key(story: Story) -> None:
    pay(story, invoice(story, story.shop.customer(story.customer()), (story.once(), 1)))
    key = story.the_key().key
    story.lose(PaidUnit, License, Purchase, OutboxItem)
    story.sweep("fulfillment.sweep_all")

    assert story.the_key().key == key


def test_a_quote_that_was_accepted_is_a_subscription_without_our_ids(story: Story) -> None:
    buyer = story.shop.customer(story.customer())
    bought = story.buy(buyer=buyer, metadata={})
    story.happens(bought, "customer.subscription.created")

    assert story.at_stripe(bought)["metadata"]["skm_key_globalid"] == str(story.the_key().global_id)


def test_older_shapes_name_the_price_and_the_subscription_elsewhere() -> None:
    line = {"id": "il_1", "amount": 100, "price": {"id": "price_1", "product": "prod_1"}, "quantity": 2}
    newer = {"pricing": {"price_details": {"price": "price_2", "product": "prod_2"}}}
    assert one_off._price_of(line) == "price_1"
    assert one_off._price_of(line | newer) == "price_2"
    assert sells_once(line)
    assert not sells_once(line | {"subscription": "sub_1"})
    assert not sells_once(line | {"parent": {"subscription_item_details": {"subscription": "sub_1"}}})
    assert not sells_once(line | {"amount": -100})


def test_the_invoice_of_an_accepted_quote_is_a_sale_like_any_other() -> None:
    parent = {"type": "quote_details", "quote_details": {"quote": "qt_1"}, "subscription_details": None}
    line = {"amount": 100, "parent": {"invoice_item_details": {"invoice_item": "ii_1", "proration": False}}}
    read = read_invoice({"id": "in_1", "status": "paid", "parent": parent, "lines": {"data": [line]}})

    assert (read.subscription_id, read.sells_once) == ("", True)


def test_a_quantity_that_is_missing_takes_nothing_away(story: Story) -> None:
    sent = invoice(story, story.shop.customer(story.customer()), (story.once(), 3))
    pay(story, sent)
    story.move(seconds=1)
    facts = story.read(sent.id)
    unsure = tuple(replace(line, quantity=1, is_certain=False) for line in facts.lines)

    assert story.apply(replace(facts, lines=unsure)) == "served"
    assert [key.block for key in story.licenses()] == [False] * 3
