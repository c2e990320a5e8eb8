"""Money without a key: found, rehearsed, repaired, gone."""

from __future__ import annotations

from datetime import timedelta

from portal import clock
from portal.billing.links import TEMPORARY
from portal.billing.models import Subscription
from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.outbox.models import OutboxItem
from portal.webhooks.models import StripeEvent
from tests import factories
from tests.fulfillment.story import Story
from tests.fulfillment.test_one_off import invoice
from tests.reconciliation.desk import Desk
from tests.support.mailbox import sent_mails
from tests.support.page import Page


def test_when_both_sides_agree_nothing_is_found(story: Story, desk: Desk) -> None:
    story.happens(story.buy(story.customer(), quantity=2))

    assert desk.compare() == {}
    assert desk.all() == []


def test_charged_without_key(story: Story, desk: Desk) -> None:
    ada = story.customer()
    bought = story.buy(ada)

    assert desk.compare() == {"charged_without_key": 1}
    finding = desk.the("charged_without_key")
    assert (finding.subject, finding.amount_minor, finding.currency) == (bought.id, 1900, "usd")
    assert finding.customer_id == ada.id
    assert desk.evidence("charged_without_key")["stripe"]["status"] == "active"

    shown = desk.rehearse("charged_without_key")
    assert "A key of Widget Studio is there for customer" in shown.changes[0].text
    assert any(f"A mail tells {ada.email}" in change.text for change in shown.changes)
    assert not shown.takes_away
    assert story.licenses() == [], "a dry run changes nothing"

    desk.repair("charged_without_key")

    assert story.the_key().customer_id == ada.id
    assert desk.states() == {"repaired": 1}
    assert "skm_key_globalid" in story.at_stripe(bought)["metadata"]
    assert desk.compare() == {}


def test_a_payment_of_an_account_that_nobody_knows_becomes_an_unclaimed_one(story: Story, desk: Desk) -> None:
    story.buy(price=story.plan())

    assert desk.compare() == {"charged_without_key": 1}
    result = desk.repair("charged_without_key")

    assert result.outcome == "Nobody can tell whose payment it is."
    assert [finding.kind for finding in desk.open()] == ["unclaimed_payment"]
    assert desk.compare() == {"unclaimed_payment": 1}


def test_an_unclaimed_payment_is_bound_to_a_customer(story: Story, desk: Desk) -> None:
    ada = story.customer()
    bought = story.buy(price=story.plan())
    story.happens(bought)

    assert desk.compare() == {"unclaimed_payment": 1}
    assert desk.evidence("unclaimed_payment")["ours"] == {"trouble": "no_customer"}
    assert not desk.rehearse("unclaimed_payment").is_done, "nobody was chosen"
    shown = desk.rehearse("unclaimed_payment", ada.id)
    assert any(f"#{ada.id}" in change.text for change in shown.changes)
    # The payer becomes this customer, who sees the billing at Stripe from then on.
    told = {write.stripe_id: write.metadata.get("skm_customer_id") for write in shown.writes}
    assert told == {bought.id: str(ada.id), str(bought.customer): str(ada.id)}

    desk.repair("unclaimed_payment", ada.id)

    assert story.the_key().customer_id == ada.id
    assert story.at_stripe(bought)["metadata"]["skm_customer_id"] == str(ada.id)
    assert story.shop.v1.customers.retrieve(bought.customer).metadata["skm_customer_id"] == str(ada.id)
    assert desk.compare() == {}


def test_temp_var_set_while_the_key_is_there(story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.shop.v1.subscriptions.update(bought.id, {"metadata": {TEMPORARY: "This parameter will replaced …"}})

    assert desk.compare() == {"temp_var_set": 1}
    assert [write.metadata for write in desk.rehearse("temp_var_set").writes] == [{TEMPORARY: ""}]

    desk.repair("temp_var_set")

    assert TEMPORARY not in story.at_stripe(bought)["metadata"]
    assert desk.compare() == {}


def test_temp_var_set_without_a_key_makes_the_key(story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer(), metadata={TEMPORARY: "This parameter will replaced …"})

    assert desk.compare() == {"charged_without_key": 1, "temp_var_set": 1}
    desk.repair("temp_var_set")

    assert TEMPORARY not in story.at_stripe(bought)["metadata"]
    assert len(story.licenses()) == 1
    assert desk.compare() == {}
    assert desk.states() == {"repaired": 1, "gone": 1}


def test_the_marker_is_right_while_the_bank_is_waited_for(story: Story, desk: Desk) -> None:
    marker = {"metadata": {TEMPORARY: "This parameter will replaced …"}}
    session = story.checkout(story.customer(), story.plan(), mode="subscription", subscription_data=marker)
    story.do("pay", session.id, means="bank_pays_later")
    paid = story.shop.v1.subscriptions.retrieve(story.session(session.id).subscription)
    assert paid.status == "active"

    assert desk.compare() == {}


def test_the_marker_of_a_purchase_that_ended_without_a_key_is_removed_by_staff_only(story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer(), metadata={TEMPORARY: "This parameter will replaced …"})
    story.shop.v1.subscriptions.cancel(bought.id)

    assert desk.compare() == {"temp_var_set": 1}
    assert desk.rehearse("temp_var_set").takes_away
    desk.repair("temp_var_set", may_take_away=True)

    assert TEMPORARY not in story.at_stripe(bought)["metadata"]


def test_a_payment_that_happens_once_and_nobody_told_of(story: Story, desk: Desk) -> None:
    ada = story.customer()
    session = story.checkout(ada, story.once())
    story.sandbox.pay(session.id)

    assert desk.compare() == {"charged_without_key": 1}
    assert desk.the("charged_without_key").subject == session.id
    desk.repair("charged_without_key")

    assert story.the_key().customer_id == ada.id
    assert desk.compare() == {}


def test_an_invoice_that_was_sent_by_hand_and_nobody_told_of(story: Story, desk: Desk) -> None:
    ada = story.customer()
    sent = invoice(story, story.shop.customer(ada), (story.once(), 2))
    assert desk.compare() == {}, "not paid yet"
    story.shop.v1.invoices.pay(sent.id, {"paid_out_of_band": True})

    assert desk.compare() == {"charged_without_key": 1}
    assert desk.the("charged_without_key").subject == sent.id
    desk.repair("charged_without_key")

    assert [key.customer_id for key in story.licenses()] == [ada.id, ada.id]
    assert desk.compare() == {}


def test_five_minutes_without_a_key_alarm_staff_once_and_heal_by_themselves(story: Story, desk: Desk) -> None:
    """Our tables know of the payment, and the key was lost: the watch needs no answer from Stripe to see it."""
    bought = story.buy(story.customer(name="Ada Lovelace"))
    story.happens(bought)
    story.lose(OutboxItem, StripeEvent, PaidUnit, Subscription, License)
    desk.watch()
    assert desk.all() == [], "not before five minutes"

    story.move(minutes=6)
    db_turn(story)
    (mail,) = [mail for mail in sent_mails("owner@acme.example") if mail.name == "charged_without_key"]
    assert bought.id in mail.text and "$19.00" in mail.text and "Ada Lovelace" in mail.text
    assert "/Reconciliation" in mail.links[0]

    story.move(minutes=6)
    desk.watch()
    desk.watch()

    assert story.the_key().customer_id == story.purchase(bought).customer_id
    assert desk.states() == {"gone": 1}


def test_meanwhile_the_customer_reads_that_the_key_is_on_its_way(story: Story, desk: Desk) -> None:
    ada = story.customer()
    user = factories.make_user()
    factories.make_association(user, ada)
    story.happens(story.buy(ada))
    db.session.query(Subscription).update({"license_global_id": None})
    story.lose(OutboxItem, StripeEvent, PaidUnit, License)
    story.move(minutes=6)
    db_turn(story)
    assert desk.the("charged_without_key").told_at

    page = Page(story.app).sign_in(user, vendor=story.vendor)
    for path in ("Licenses", "Billing"):
        assert "Your key is on its way" in page.get(f"/Portal/@acme.example/{path}").text


def db_turn(story: Story) -> None:
    """Two turns of the watch, with nobody to work off what it queues."""
    from portal.reconciliation import watching

    watching.watch(vendor_id=story.vendor_id)
    watching.watch(vendor_id=story.vendor_id)
    db.session.commit()


def test_an_event_that_cannot_be_worked_off_is_seen_after_five_minutes(story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer())
    assert story.tell(bought, "checkout.session.completed") == 200
    story.lose(Purchase)
    story.move(minutes=6)
    db_turn(story)

    assert desk.the("charged_without_key").subject == bought.id


def test_what_cannot_be_read_stays_on_the_desk_until_it_can(story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    note(story, bought.id, "unknown status: brand_new")
    desk.watch()
    assert desk.compare() == {"lookup_failed": 1}
    first = desk.the("lookup_failed")
    assert (first.subject, first.amount_minor, first.currency) == (bought.id, 1900, "usd")
    assert desk.compare() == {"lookup_failed": 1}
    assert desk.the("lookup_failed").id == first.id, "one row, however often it is found"

    story.move(minutes=1)
    desk.repair("lookup_failed")

    assert desk.compare() == {} and desk.states() == {"repaired": 1}


def test_asking_again_settles_nothing_while_it_still_cannot_be_read(story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer())
    story.happens(bought)
    story.move(minutes=1)
    note(story, bought.id, "unknown status: brand_new", fetched_at=clock.now() + timedelta(minutes=1))
    desk.compare()

    assert not desk.repair("lookup_failed").is_done
    assert "cannot be read" in desk.the("lookup_failed").outcome


def note(story: Story, stripe_id: str, notice: str, **fields: object) -> None:
    """Stripe said something odd about a purchase the last time it was read."""
    values = {"notice": notice, **fields}
    db.session.query(Purchase).filter_by(vendor_id=story.vendor_id, stripe_id=stripe_id).update(values)
    db.session.commit()
