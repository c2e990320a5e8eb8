"""What was paid, by whom, for how long, and what is left after a loss of ours. Rows 16 to 23."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal import clock
from portal.billing.models import StripeAccount, Subscription
from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License, Product
from portal.outbox.models import OutboxItem
from portal.reconciliation.models import Finding
from portal.webhooks.models import StripeEvent
from tests import factories
from tests.fulfillment.story import GRACE, Story, work_once
from tests.support.mailbox import sent_mails


@pytest.mark.parametrize("paid", [True, False])
def test_16_complete_but_unpaid_waits_for_the_bank(story: Story, paid: bool) -> None:
    session = story.checkout(story.customer(), story.once())
    story.do("pay", session.id, means="bank_pays_later")
    story.tell_of("checkout.session.completed", {"id": session.id})
    assert (story.licenses(), story.purchase(session).state) == ([], "waiting")

    story.do("settle", session.id, paid=paid)
    kind = "checkout.session.async_payment_" + ("succeeded" if paid else "failed")
    story.tell_of(kind, {"id": session.id})
    assert len(story.licenses()) == (1 if paid else 0)


@pytest.mark.parametrize(
    ("product", "skm", "reason"),
    [("", "", "no_product"), ("77", "", "no_product"), ("1", "{broken", "bad_plan"), ("1", '{"F9": 1}', "bad_plan")],
)
def test_17_paid_for_something_unknown_is_told_to_staff(story: Story, product: str, skm: str, reason: str) -> None:
    price = story.plan(skm, product=product)
    bought = story.buy(story.customer(), price)
    story.shop.v1.prices.update(price.id, {"active": False})
    story.tell(bought)
    assert work_once() is True

    assert (story.purchase(bought).state, story.purchase(bought).reason) == ("unclaimed", reason)
    (mail,) = sent_mails("owner@acme.example")
    assert (mail.name, bought.id in mail.text, "$19.00" in mail.text) == ("unclaimed_payment", True, True)

    story.shop.v1.products.update(price.product, {"metadata": {"skm_product_id": "1"}})
    story.shop.v1.prices.update(price.id, {"metadata": {"skm": '{"F3": true}'}})
    story.sweep("fulfillment.sweep_ending")
    assert story.the_key().active_features == ["f3"]


def test_18_paid_by_a_duplicate_customer_with_another_address(story: Story) -> None:
    user, customer = factories.make_user(), story.customer()
    factories.make_association(user, customer)
    story.page.sign_in(user, vendor=story.vendor)
    mine = customer.id
    story.happens(story.buy(customer))
    named, unknown = story.shop.customer(email="other@mail.example"), story.shop.customer(email="third@mail.example")
    story.happens(story.buy(buyer=named, metadata={"skm_customer_id": str(mine)}))
    assert [key.customer_id for key in story.licenses()] == [mine, mine]

    story.tell(story.buy(buyer=unknown))
    assert work_once() is True
    (mail,) = sent_mails("third@mail.example")
    story.page.get(mail.links[0].removeprefix("http://localhost"), status=303).follow()
    story.page.submit({"customer": str(mine)}, status=303)
    assert [key.customer_id for key in story.licenses()] == [mine, mine, mine]


def test_19_the_mail_is_lost_but_the_key_is_in_the_portal(story: Story) -> None:
    user = factories.make_customer_user(story.vendor)
    buyer = db.session.scalars(select(factories.Customer)).one()
    address = buyer.email
    bought = story.buy(buyer)
    story.tell(bought)
    assert work_once() is True
    assert [mail.name for mail in sent_mails(address)] == ["license_issued"]
    story.lose(OutboxItem)
    story.happens(bought)
    assert sent_mails(address) == [], "told once, whatever became of the mail"

    key = story.the_key()
    story.page.sign_in(user, vendor=story.vendor).get(f"/Portal/@acme.example/Licenses/{key.global_id}")
    assert key.key[-5:] in story.page.text
    story.page.sign_in(factories.make_staff(story.vendor, "support"), vendor=story.vendor)
    story.page.get(f"/License/{key.global_id}").submit(form='form[action$="/Mail"]').follow()
    (mail,) = sent_mails(address)
    assert (mail.name, key.key in mail.text, address in story.page.text) == ("license_issued", True, True)


def test_20_the_key_is_lost_and_made_again_as_it_was(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    key = story.the_key().key
    story.lose(PaidUnit, Subscription, License)
    story.happens(bought)

    assert story.the_key().key == key


def test_21_renewed_but_the_end_was_not_moved(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.move(days=32)
    before = story.the_key()
    assert not before.block and before.expires_at > clock.now(), "the days of grace cover Stripe's own retries"
    story.sweep("fulfillment.sweep_ending")

    assert story.the_key().expires_at == story.paid_until(bought) + GRACE


@pytest.mark.parametrize("odd", ["the period", "the quantity", "the status"])
def test_22_a_period_that_is_missing_shortens_nothing(story: Story, odd: str) -> None:
    bought = story.buy(story.customer(), quantity=2)
    story.happens(bought)
    before = [(key.expires_at, key.block) for key in story.licenses()]
    clock.move(timedelta(seconds=1))
    facts = story.read(bought.id)
    lost: dict[str, dict[str, Any]] = {
        "the period": {"paid_until": None},
        "the quantity": {"quantity": 1, "is_certain": False},
        "the status": {},
    }
    facts = replace(facts, lines=tuple(replace(line, **lost[odd]) for line in facts.lines))
    assert story.apply(replace(facts, status="brand_new", effect="look") if odd == "the status" else facts) == "served"

    assert [(key.expires_at, key.block) for key in story.licenses()] == before
    assert [mail.name for mail in sent_mails("owner@acme.example")] == ["odd_purchase"]
    story.work()
    (finding,) = db.session.scalars(select(Finding)).all()
    assert (finding.kind, finding.subject, finding.state) == ("lookup_failed", bought.id, "open")

    clock.move(timedelta(seconds=1))
    story.happens(bought)
    story.sweep("reconciliation.watch")
    assert [one.state for one in db.session.scalars(select(Finding)).all()] == ["gone"]


def test_23_an_old_backup_was_restored(story: Story) -> None:
    for _ in range(3):
        story.happens(story.buy(story.customer(), quantity=2))
    once = story.checkout(story.customer(), story.once())
    story.do("pay", once.id)
    story.tell_of("checkout.session.completed", {"id": once.id})
    keys = {(key.customer_id, key.key) for key in story.licenses()}
    story.lose(PaidUnit, Subscription, License, Purchase, StripeEvent, OutboxItem)
    db.session.execute(StripeAccount.__table__.update().values(key_seed="", instance="", events_until=None))
    db.session.execute(Product.__table__.update().values(last_license_id=0))
    db.session.commit()
    story.sweep("fulfillment.sweep_all")

    assert len(keys) == 7
    assert {(key.customer_id, key.key) for key in story.licenses()} == keys
