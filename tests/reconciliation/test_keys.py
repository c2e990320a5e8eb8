"""Keys that do not fit their purchase: found, rehearsed, repaired, gone; nothing is taken away unasked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal import clock
from portal.extensions import db
from portal.licenses.models import License
from portal.reconciliation.repairs import TakesAway
from tests.factories import make_license
from tests.fulfillment.story import GRACE, Story
from tests.reconciliation.desk import Desk


def change(license: License, **fields: Any) -> None:
    """Somebody changes a license in the database."""
    found = db.session.get(License, (license.vendor_id, license.global_id))
    for name, value in fields.items():
        setattr(found, name, value)
    db.session.commit()


def sold(story: Story, **more: Any) -> Any:
    """A subscription that was served."""
    bought = story.buy(story.customer(), **more)
    story.happens(bought)
    story.work()
    return bought


def test_key_without_subscription_keeps_the_key(story: Story, desk: Desk) -> None:
    sold(story)
    key = story.the_key()
    forget_at_stripe(story)

    assert desk.compare() == {"key_without_subscription": 1}
    assert desk.evidence("key_without_subscription")["stripe"]["status"] == "not found"
    shown = desk.rehearse("key_without_subscription")
    assert not shown.takes_away

    desk.repair("key_without_subscription")

    assert (story.the_key().block, story.the_key().expires_at) == (False, key.expires_at)
    assert desk.compare() == {}
    assert desk.states() == {"repaired": 1}


def forget_at_stripe(story: Story) -> None:
    """The vendor's key leads to another account from now on: Stripe knows nothing of what was sold."""
    from portal import crypto
    from portal.billing.models import StripeAccount

    account = db.session.get(StripeAccount, story.vendor_id)
    assert account is not None
    account.api_key = crypto.seal("sk_test_another0001", f"stripe_account:{story.vendor_id}:api_key")
    db.session.commit()


def test_ended_but_valid_is_blocked_after_a_confirmation(story: Story, desk: Desk) -> None:
    bought = sold(story)
    story.shop.v1.subscriptions.cancel(bought.id)

    assert desk.compare() == {"ended_but_valid": 1}
    finding = desk.the("ended_but_valid")
    assert finding.license_global_id == story.the_key().global_id
    assert desk.rehearse("ended_but_valid").takes_away
    with pytest.raises(TakesAway):
        desk.repair("ended_but_valid")
    assert not story.the_key().block

    desk.repair("ended_but_valid", may_take_away=True)

    assert story.the_key().block
    assert desk.compare() == {}


def test_a_key_that_staff_let_go_on_is_blocked_when_staff_say_so(story: Story, desk: Desk) -> None:
    bought = sold(story)
    story.shop.v1.subscriptions.cancel(bought.id)
    story.happens(bought)
    change(story.the_key(), block=False)

    assert desk.compare() == {"ended_but_valid": 1}
    desk.repair("ended_but_valid", may_take_away=True)

    assert story.the_key().block


def test_an_ended_subscription_that_names_a_strangers_key_takes_nothing_from_them(story: Story, desk: Desk) -> None:
    stranger, payer = story.customer(), story.customer()
    theirs = make_license(story.vendor, story_product(story), stranger)
    named = {"skm_key_globalid": str(theirs.global_id), "skm_customer_id": str(payer.id)}
    bought = story.buy(payer, metadata=named)
    story.shop.v1.subscriptions.cancel(bought.id)

    assert "ended_but_valid" not in desk.compare()


def test_a_refund_that_nobody_told_of_is_ended_but_valid(story: Story, desk: Desk) -> None:
    bought = sold(story)
    story.do("refund", story.charge_of(bought))

    assert desk.compare() == {"ended_but_valid": 1}
    assert desk.evidence("ended_but_valid")["stripe"] == {"because": "refunded", "status": "active"}
    desk.repair("ended_but_valid", may_take_away=True)

    assert story.the_key().block
    assert desk.compare() == {}


def test_a_partial_refund_is_nothing(story: Story, desk: Desk) -> None:
    bought = sold(story)
    story.do("refund", story.charge_of(bought), amount=500)

    assert desk.compare() == {}


def test_paid_but_blocked_by_us_works_again(story: Story, desk: Desk) -> None:
    sold(story)
    change(story.the_key(), block=True)
    unit = story.units()[0]
    unit.blocked_because = "ended"
    db.session.commit()

    assert desk.compare() == {"paid_but_blocked": 1}
    assert desk.evidence("paid_but_blocked")["ours"]["blocked_by"] == "ended"
    desk.repair("paid_but_blocked")

    assert not story.the_key().block
    assert desk.compare() == {}


def test_a_block_by_staff_is_shown_and_stays(story: Story, desk: Desk) -> None:
    sold(story)
    change(story.the_key(), block=True)

    assert desk.compare() == {"paid_but_blocked": 1}
    result = desk.repair("paid_but_blocked")

    assert "Staff blocked this key" in result.outcome
    assert story.the_key().block
    assert desk.the("paid_but_blocked").outcome == result.outcome


def test_a_period_that_is_too_short_is_made_longer(story: Story, desk: Desk) -> None:
    bought = sold(story)
    change(story.the_key(), expires_at=clock.now() + timedelta(days=2))

    assert desk.compare() == {"period_differs": 1}
    assert not desk.rehearse("period_differs").takes_away
    desk.repair("period_differs")

    assert story.the_key().expires_at == story.paid_until(bought) + GRACE
    assert desk.compare() == {}


def test_a_period_that_is_too_long_is_made_shorter_only_with_a_confirmation(story: Story, desk: Desk) -> None:
    bought = sold(story)
    longer = clock.now() + timedelta(days=400)
    change(story.the_key(), expires_at=longer)

    assert desk.compare() == {"period_differs": 1}
    with pytest.raises(TakesAway):
        desk.repair("period_differs")
    assert story.the_key().expires_at == longer

    desk.repair("period_differs", may_take_away=True)

    assert story.the_key().expires_at == story.paid_until(bought) + GRACE


def test_a_few_days_more_are_no_news(story: Story, desk: Desk) -> None:
    sold(story)
    change(story.the_key(), expires_at=story.the_key().expires_at + timedelta(days=6))

    assert desk.compare() == {}


def test_fewer_keys_than_paid_for(story: Story, desk: Desk) -> None:
    bought = sold(story)
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    story.shop.v1.subscription_items.update(item, {"quantity": 3})

    assert desk.compare() == {"quantity_differs": 1}
    assert desk.evidence("quantity_differs")["ours"]["keys"] == 1
    desk.repair("quantity_differs")

    assert len(story.licenses()) == 3
    assert desk.compare() == {}


def test_more_keys_than_paid_for_are_blocked_only_with_a_confirmation(story: Story, desk: Desk) -> None:
    bought = sold(story, quantity=3)
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    story.shop.v1.subscription_items.update(item, {"quantity": 1})

    assert desk.compare() == {"quantity_differs": 1}
    with pytest.raises(TakesAway):
        desk.repair("quantity_differs")
    desk.repair("quantity_differs", may_take_away=True)

    assert [license.block for license in story.licenses()] == [False, True, True]
    assert desk.compare() == {}


def test_more_machines_are_paid_for(story: Story, desk: Desk) -> None:
    price = story.plan('{"quantity": "machines"}')
    bought = sold(story, price=price, quantity=2)
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    story.shop.v1.subscription_items.update(item, {"quantity": 5})

    assert desk.compare() == {"quantity_differs": 1}
    desk.repair("quantity_differs")

    assert story.the_key().max_no_of_machines == 5
    assert desk.compare() == {}


def test_a_key_of_another_customer_goes_to_the_one_who_pays(story: Story, desk: Desk) -> None:
    bought, bob = sold(story), story.customer(name="Bob")
    ada = story.the_key().customer_id
    change(story.the_key(), customer_id=bob.id)

    assert desk.compare() == {"wrong_customer": 1}
    assert not desk.rehearse("wrong_customer").is_done, "staff choose"
    assert desk.rehearse("wrong_customer", ada).takes_away
    desk.repair("wrong_customer", ada, may_take_away=True)

    assert story.the_key().customer_id == ada
    assert story.at_stripe(bought)["metadata"]["skm_customer_id"] == str(ada)
    assert desk.compare() == {}


def test_or_stays_and_its_owner_is_named_at_stripe(story: Story, desk: Desk) -> None:
    bought, bob = sold(story), story.customer(name="Bob")
    change(story.the_key(), customer_id=bob.id)

    assert desk.compare() == {"wrong_customer": 1}
    desk.repair("wrong_customer", bob.id)

    assert story.the_key().customer_id == bob.id
    assert story.purchase(bought).customer_id == bob.id
    assert story.at_stripe(bought)["metadata"]["skm_customer_id"] == str(bob.id)
    assert desk.compare() == {}


def test_a_key_number_that_leads_nowhere_is_written_anew(story: Story, desk: Desk) -> None:
    bought = sold(story)
    story.shop.v1.subscriptions.update(bought.id, {"metadata": {"skm_key_globalid": "9999", "skm_key_id": "777"}})

    assert desk.compare() == {"dangling_key_id": 1}
    assert desk.evidence("dangling_key_id")["stripe"]["skm_key_globalid"] == "9999"
    desk.repair("dangling_key_id")

    assert story.at_stripe(bought)["metadata"]["skm_key_globalid"] == str(story.the_key().global_id)
    assert not story.the_key().block
    assert desk.compare() == {}


def test_a_key_typed_in_by_hand_is_known_before_it_is_adopted(story: Story, desk: Desk) -> None:
    ada = story.customer()
    key = make_license(story.vendor, product=story_product(story), customer=ada)
    story.buy(ada, metadata={"skm_key_globalid": str(key.global_id)})

    assert desk.compare() == {}


def story_product(story: Story) -> Any:
    """The product that the story's plans pay."""
    from portal.licenses import service as licenses

    return licenses.get_product(story.vendor, 1)


def test_what_is_put_aside_stays_aside_until_something_changes(story: Story, desk: Desk) -> None:
    from portal.reconciliation import ledger

    sold(story)
    change(story.the_key(), expires_at=clock.now() + timedelta(days=400))
    desk.compare()
    ledger.close(desk.the("period_differs"), ledger.DISMISSED, "As agreed.")
    db.session.commit()

    assert desk.compare() == {}
    change(story.the_key(), expires_at=clock.now() + timedelta(days=500))
    assert desk.compare() == {"period_differs": 1}
    assert desk.states() == {"dismissed": 1, "open": 1}
