"""What owners and admins are told when Stripe's news cannot be worked off."""

from __future__ import annotations

import contextvars
from datetime import timedelta
from typing import Any

import pytest

from portal import clock
from portal.extensions import db
from portal.reconciliation import watching
from portal.reconciliation.models import Finding
from portal.webhooks.models import StripeEvent
from tests.fulfillment.story import Story
from tests.support.mailbox import sent_mails

OWNER = "owner@acme.example"


def watch(story: Story) -> list[tuple[str, str]]:
    """The watch has its turn: kind and subject of what is open then."""
    db.session.commit()

    def look() -> None:
        with story.app.app_context():
            watching.watch(vendor_id=story.vendor_id)
            db.session.commit()

    contextvars.Context().run(look)
    return [(one.kind, one.subject) for one in db.session.query(Finding).filter_by(state="open")]


def bank_pays(story: Story, **more: Any) -> Any:
    """A checkout whose bank takes its time; we have seen that it waits."""
    session = story.checkout(story.customer(), story.once(), **more)
    story.do("pay", session.id, means="bank_pays_later")
    story.tell_of("checkout.session.completed", {"id": session.id})
    assert story.purchase(session).state == "waiting"
    return session


def arrives(story: Story, kind: str, object_id: str) -> None:
    """An event is taken at the door, and cannot be worked off."""
    from tests.webhooks import letters

    assert story.deliver(letters.event(kind, {"id": object_id})) == 200
    db.session.query(StripeEvent).filter_by(state="received").update({"last_error": "KeyRefused: no"})
    db.session.commit()


def test_money_for_a_purchase_that_waited_is_charged_without_key(story: Story) -> None:
    session = bank_pays(story)
    story.do("settle", session.id, paid=True)
    arrives(story, "checkout.session.async_payment_succeeded", session.id)
    clock.move(timedelta(minutes=6))

    assert watch(story) == [("charged_without_key", session.id)]
    assert "charged_without_key" in [mail.name for mail in sent_mails(OWNER)]


def test_a_checkout_that_was_completed_may_wait_for_its_bank(story: Story) -> None:
    session = bank_pays(story)
    arrives(story, "checkout.session.completed", session.id)
    clock.move(timedelta(minutes=6))

    assert watch(story) == []


def test_a_bill_that_leads_to_its_checkout_is_forgotten_when_it_was_read(story: Story) -> None:
    arrives(story, "invoice.paid", "in_of_a_checkout")
    clock.move(timedelta(minutes=6))
    assert watch(story) == [("charged_without_key", "in_of_a_checkout")]

    db.session.query(StripeEvent).update({"state": "done"})
    assert watch(story) == []


def test_a_purchase_with_a_key_is_not_called_keyless(story: Story) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    arrives(story, "invoice.paid", story.at_stripe(bought)["latest_invoice"])
    db.session.query(StripeEvent).filter_by(state="received").update({"subject": bought.id})
    clock.move(timedelta(minutes=6))

    assert watch(story) == []


@pytest.mark.parametrize(("hours", "mails"), [(0.5, 0), (2, 1), (30, 2)])
def test_events_that_fail_for_long_are_told_once_a_day(story: Story, hours: float, mails: int) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    db.session.query(StripeEvent).delete()
    clock.move(timedelta(hours=24 - clock.now().hour))  # so that the days are counted from their beginning
    arrives(story, "customer.subscription.updated", bought.id)
    for _ in range(int(hours * 2)):
        clock.move(timedelta(minutes=30))
        watch(story)

    told = [mail for mail in sent_mails(OWNER) if mail.name == "events_fail"]
    assert len(told) == mails
    assert all("KeyRefused: no" in mail.text for mail in told)


def test_events_that_only_wait_are_no_alarm(story: Story) -> None:
    bought = story.buy(story.customer())
    assert story.tell(bought) == 200
    clock.move(timedelta(hours=2))
    watch(story)

    assert "events_fail" not in [mail.name for mail in sent_mails(OWNER)]
