"""The health line: what is wrong with Stripe's news, and the way on from there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import clock
from portal.billing import gateway
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.webhooks import endpoint
from tests.fulfillment.story import Story
from tests.reconciliation.desk import Desk
from tests.support.page import Page

DOCTOR = 'main section.note a.btn[href="/StripeDoctor"]'


def stands(story: Story, *, disabled: bool = False) -> None:
    """Our endpoint is there at Stripe, and switched off."""
    given = {"enabled_events": list(endpoint.WANTED), "api_version": gateway.STRIPE_API_VERSION}
    made = story.shop.v1.webhook_endpoints.create({"url": endpoint.url_of(story.vendor_id), **given})
    story.shop.v1.webhook_endpoints.update(made.id, {"disabled": disabled})


def found_out(story: Story) -> str:
    """The state of the endpoint as it is stored."""
    db.session.rollback()
    return endpoint.health_of(story.vendor_id).state


def swept(story: Story) -> None:
    """Three purchases happen, of which no event reaches us; the sweep finds them."""
    for _time in range(3):
        story.buy(story.customer())
    story.sweep("webhooks.sweep_events")


def test_compare_now_finds_out_that_the_endpoint_is_disabled(story: Story, staff: Page) -> None:
    stands(story, disabled=True)
    staff.get("/Reconciliation")
    assert "Stripe has disabled" not in staff.text

    staff.submit(form='form[action$="/Compare"]')
    assert story.work().failed == 0

    staff.get("/Reconciliation")
    assert "Stripe has disabled your webhook endpoint" in staff.text
    assert staff.soup.select_one(DOCTOR)


def test_compare_now_finds_out_that_the_endpoint_was_mended(story: Story, staff: Page) -> None:
    stands(story)
    endpoint.keep(story.vendor_id, endpoint.EndpointHealth(endpoint.DISABLED, checked_at=clock.now()))
    db.session.commit()
    staff.get("/Reconciliation").submit(form='form[action$="/Compare"]')
    assert story.work().failed == 0

    staff.get("/Reconciliation")
    assert "Stripe has disabled" not in staff.text and found_out(story) == endpoint.OK


def test_an_unanswered_comparison_leaves_what_is_known_of_the_endpoint(story: Story, desk: Desk) -> None:
    stands(story, disabled=True)
    desk.compare()
    assert found_out(story) == endpoint.DISABLED

    story.accident("server_error", times=50)
    assert desk.compare() == {"lookup_failed": 1}

    assert found_out(story) == endpoint.DISABLED


def test_a_comparison_without_a_key_asks_nothing(story: Story, desk: Desk) -> None:
    account = db.session.get(StripeAccount, story.vendor_id)
    assert account
    account.api_key = ""

    assert desk.compare() == {}
    assert found_out(story) == endpoint.UNKNOWN


def test_events_that_only_come_by_the_sweep_lead_to_the_doctor(story: Story, staff: Page) -> None:
    """A wrong secret or a wall in between: the endpoint at Stripe looks right."""
    stands(story)
    story.sweep("webhooks.sweep_events")
    story.move(minutes=1)
    swept(story)
    staff.get("/Reconciliation")

    assert found_out(story) == endpoint.OK
    assert "they were fetched from Stripe's list" in staff.text and "Last one fetched" in staff.text
    assert staff.soup.select_one(DOCTOR)

    story.tell(story.buy(story.customer()))
    staff.get("/Reconciliation")
    assert "Stripe's news arrives." in staff.text


def test_what_happened_before_the_endpoint_was_there_is_no_sign_of_trouble(story: Story, staff: Page) -> None:
    swept(story)
    stands(story)
    story.move(minutes=16)
    story.sweep("webhooks.sweep_events")
    staff.get("/Reconciliation")

    assert "No event has come by itself yet." in staff.text
    assert not staff.soup.select(".note.d") and not staff.soup.select_one(DOCTOR)


def test_the_sweep_finds_out_that_the_endpoint_is_disabled(story: Story, staff: Page) -> None:
    stands(story, disabled=True)
    story.sweep("webhooks.sweep_events")
    staff.get("/Reconciliation")

    assert "Stripe has disabled your webhook endpoint" in staff.text
    assert staff.soup.select_one(DOCTOR)


def test_events_that_come_by_themselves_need_no_doctor(story: Story, staff: Page) -> None:
    for _time in range(3):
        story.tell(story.buy(story.customer()))
    story.work()
    staff.get("/Reconciliation")

    assert not staff.soup.select(".note.d") and not staff.soup.select_one(DOCTOR)


@pytest.mark.parametrize(("minutes", "is_said"), [(40, False), (50, True)])
def test_a_sweep_that_stands_still_says_what_must_run(story: Story, staff: Page, minutes: int, is_said: bool) -> None:
    account = db.session.get(StripeAccount, story.vendor_id)
    assert account
    account.events_until = clock.now() - timedelta(minutes=minutes)
    db.session.commit()
    staff.get("/Reconciliation")

    line = staff.soup.select_one("main section.note")
    assert line and ("A worker must run" in line.get_text()) is is_said
    assert [code.get_text() for code in line.select("code")] == (["latchkey worker"] if is_said else [])
    assert not staff.soup.select_one(DOCTOR), "the doctor cannot start a worker"
