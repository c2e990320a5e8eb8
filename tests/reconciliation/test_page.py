"""The desk in a browser without script: find, look, rehearse, repair; roles and vendors."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from portal import clock
from portal.extensions import db
from portal.outbox.models import OutboxItem
from portal.reconciliation import ledger
from portal.reconciliation.found import KINDS, Found
from portal.reconciliation.models import Finding
from portal.vendors.models import Vendor
from portal.webhooks import endpoint
from portal.webhooks import service as webhooks
from portal.webhooks.models import StripeEvent
from tests import factories
from tests.fulfillment.story import Story
from tests.reconciliation.desk import Desk
from tests.reconciliation.test_keys import change, sold
from tests.support import queries
from tests.support.mailbox import sent_mails
from tests.support.page import Page


def test_an_empty_desk_says_what_to_do(staff: Page) -> None:
    staff.get("/Reconciliation")

    assert "Not compared yet" in staff.text and "No event has come yet" in staff.text
    staff.get("/Reconciliation?state=closed")
    assert "Nothing was settled yet" in staff.text
    staff.get("/Reconciliation?kind=period_differs")
    assert "Nothing of this kind" in staff.text
    staff.get("/Reconciliation?kind=nonsense", status=404)
    staff.get("/Reconciliation/Events")
    assert "Every event was worked off" in staff.text
    staff.get("/Reconciliation/States")
    assert "3 days of grace" in staff.text


def test_staff_ask_for_a_comparison_and_make_the_key(story: Story, desk: Desk, staff: Page) -> None:
    ada = story.customer(name="Ada Lovelace")
    bought = story.buy(ada)
    staff.get("/Reconciliation").submit(form='form[action$="/Compare"]').follow()
    assert "has begun" in staff.text
    story.work()

    staff.get("/Reconciliation")
    assert "Charged without key" in staff.text and "$19.00" in staff.text and "Ada Lovelace" in staff.text
    staff.get(f"/Reconciliation/{desk.the('charged_without_key').id}")
    assert bought.id in staff.text
    staff.submit(form='form[action$="/DryRun"]', status=200)
    assert "A key of Widget Studio is there" in staff.text
    assert story.licenses() == []
    staff.submit(form='form[action$="/Repair"]').follow()

    assert "A key of Widget Studio is there" in staff.text and "Charged without key" not in staff.html.split("<main")[0]
    assert story.the_key().customer_id == ada.id
    staff.get("/Reconciliation?state=closed")
    assert "Repaired" in staff.text and "support@acme.example" in staff.text
    staff.get(f"/Reconciliation/{desk.all('repaired')[0].id}")
    assert "reconciliation.repaired" in staff.text
    assert not staff.soup.select('form[action$="/DryRun"]'), "nothing is left to repair"


def test_what_takes_something_away_is_said_and_confirmed(story: Story, desk: Desk, staff: Page) -> None:
    bought = sold(story)
    story.shop.v1.subscriptions.cancel(bought.id)
    desk.compare()
    staff.get(f"/Reconciliation/{desk.the('ended_but_valid').id}").submit(form='form[action$="/DryRun"]', status=200)

    assert "is blocked" in staff.text and "A customer loses something by this" in staff.text
    staff.submit({"may_take_away": None}, form='form[action$="/Repair"]', status=409)
    assert not story.the_key().block
    staff.get(f"/Reconciliation/{desk.the('ended_but_valid').id}").submit(form='form[action$="/DryRun"]', status=200)
    staff.submit(form='form[action$="/Repair"]')

    assert story.the_key().block


def test_when_things_change_meanwhile_the_new_dry_run_is_shown_instead(story: Story, desk: Desk, staff: Page) -> None:
    bought = sold(story)
    change(story.the_key(), expires_at=clock.now() + timedelta(days=2))
    desk.compare()
    staff.get(f"/Reconciliation/{desk.the('period_differs').id}").submit(form='form[action$="/DryRun"]', status=200)
    story.shop.v1.subscriptions.cancel(bought.id)

    staff.submit(form='form[action$="/Repair"]', status=409)

    assert "Something has changed meanwhile" in staff.text and "is blocked" in staff.text
    assert not story.the_key().block


def test_an_unclaimed_payment_is_bound_by_searching_a_customer(story: Story, desk: Desk, staff: Page) -> None:
    ada = story.customer(name="Ada Lovelace", email="ada@mail.example")
    story.happens(story.buy(price=story.plan()))
    desk.compare()
    staff.get(f"/Reconciliation/{desk.the('unclaimed_payment').id}")
    assert "Nobody can tell whose payment it is" in staff.text and "Nobody matches this" in staff.text

    staff.get(f"{staff.path}?q=lovelace")
    staff.submit(form='form[action$="/DryRun"]', status=200)
    assert f"belongs to customer #{ada.id}" in staff.text
    staff.submit(form='form[action$="/Repair"]').follow()

    assert story.the_key().customer_id == ada.id
    assert desk.open() == []


def test_the_payer_is_mailed_a_link_to_claim_it(story: Story, desk: Desk, staff: Page) -> None:
    payer = story.shop.customer(email="payer@mail.example")
    story.happens(story.buy(price=story.plan(), buyer=payer))
    desk.compare()
    staff.get(f"/Reconciliation/{desk.the('unclaimed_payment').id}")
    assert "payer@mail.example" in staff.text

    staff.submit(form='form[action$="/ClaimLink"]').follow()

    assert "on its way" in staff.text
    assert any(mail.name == "claim_payment" for mail in sent_mails("payer@mail.example"))


def test_the_mail_about_an_unclaimed_payment_leads_to_the_desk_where_it_stands(story: Story, staff: Page) -> None:
    bought = story.buy(price=story.plan())
    assert story.tell(bought) == 200
    while webhooks.work_once():
        pass
    (mail,) = [mail for mail in sent_mails("owner@acme.example") if mail.name == "unclaimed_payment"]
    story.work()

    staff.get(mail.links[0].removeprefix("http://localhost"))

    assert bought.id in staff.text


def test_a_customer_that_does_not_exist_is_refused(story: Story, desk: Desk, staff: Page) -> None:
    story.happens(story.buy(price=story.plan()))
    desk.compare()
    path = f"/Reconciliation/{desk.the('unclaimed_payment').id}"
    token = staff.get(path).find_form('form[action$="/PutAside"]').select_one("input[name=csrf_token]")
    vendor = staff.find_form('form[action$="/PutAside"]').select_one("input[name=vendor]")
    assert token and vendor
    hidden = {"csrf_token": token["value"], "vendor": vendor["value"]}
    for typed in ("4711", "0", "x", "9" * 30):
        staff.post(f"{path}/DryRun", {**hidden, "customer_id": typed}).follow()
        assert "There is no customer with this id" in staff.text


def test_while_stripe_is_away_the_desk_says_so_and_offers_another_try(story: Story, desk: Desk, staff: Page) -> None:
    story.buy(story.customer())
    desk.compare()
    staff.get(f"/Reconciliation/{desk.the('charged_without_key').id}")
    story.accident("server_error", times=50)
    staff.submit(form='form[action$="/DryRun"]', status=200)

    assert "Stripe could not be asked" in staff.text
    story.calm_down()
    staff.submit(form='form[action$="/DryRun"]', status=200)
    assert "A key of Widget Studio" in staff.text


def test_put_aside(story: Story, desk: Desk, staff: Page) -> None:
    sold(story)
    change(story.the_key(), expires_at=clock.now() + timedelta(days=400))
    desk.compare()
    staff.get(f"/Reconciliation/{desk.the('period_differs').id}")
    staff.submit({"reason": "x" * 201}, form='form[action$="/PutAside"]', status=422)
    staff.submit({"reason": "A gift for a year."}, form='form[action$="/PutAside"]').follow()

    assert desk.states() == {"dismissed": 1}
    staff.get("/Reconciliation?state=closed")
    assert "Put aside" in staff.text and "A gift for a year." in staff.text


def test_a_parked_event_is_worked_off_again(story: Story, desk: Desk, staff: Page) -> None:
    bought = story.buy(story.customer())
    story.tell(bought)
    event = db.session.query(StripeEvent).one()
    event.state, event.last_error, event.attempts = "parked", "Unreachable: Stripe does not answer.", 20
    db.session.commit()
    desk.watch()
    assert desk.the("lookup_failed").subject == bought.id

    staff.get("/Reconciliation")
    assert "1 event was given up" in staff.text
    staff.get("/Reconciliation/Events")
    assert "Stripe does not answer" in staff.text
    staff.submit(form=f'form[action$="/{event.id}/Replay"]')
    story.work()
    desk.watch()

    assert len(story.licenses()) == 1
    assert desk.open() == []


def test_all_parked_events_at_once(story: Story, staff: Page) -> None:
    for _time in range(3):
        story.tell(story.buy(story.customer()))
    db.session.query(StripeEvent).update({"state": "parked"})
    db.session.commit()

    staff.get("/Reconciliation/Events").submit(form='form[action="/Reconciliation/Events/Replay"]')
    story.work()

    assert len(story.licenses()) == 3


def fill(vendor: Vendor, number: int, **fields: object) -> None:
    """Many findings."""
    subjects = (f"sub_{count:04d}" for count in range(number))
    found = [
        Found(KINDS[count % len(KINDS)], subject, subject, amount_minor=100, currency="eur")
        for count, subject in enumerate(subjects)
    ]
    ledger.keep(vendor.id, found)
    db.session.commit()


def test_five_hundred_findings_page_by_key(story: Story, staff: Page) -> None:
    fill(story.vendor, 500)
    seen: list[str] = []
    staff.get("/Reconciliation")
    assert "39" in staff.text and "€39.00" in staff.text
    while True:
        seen += [str(link["href"]) for link in staff.soup.select("main tbody th a") if link["href"][-1].isdigit()]
        older = staff.soup.select_one('a[rel="next"]')
        if older is None:
            break
        staff.get(str(older["href"]))

    assert len(seen) == len(set(seen)) == 500


def test_the_number_of_queries_does_not_grow_with_the_findings(story: Story, staff: Page) -> None:
    numbers = []
    for count in (3, 40):
        fill(story.vendor, count)
        with queries.counted(story.app) as seen:
            staff.get("/Reconciliation")
        numbers.append(len(seen))

    assert numbers[0] == numbers[1] < 20, numbers


def test_the_file_holds_everything_and_no_formula(story: Story, staff: Page) -> None:
    fill(story.vendor, 3)
    ledger.keep(story.vendor_id, [Found("lookup_failed", '=HYPERLINK("x")')])
    db.session.commit()

    staff.get("/Reconciliation/Export")

    rows = list(csv.DictReader(io.StringIO(staff.html)))
    assert [row["about"] for row in rows] == ['\'=HYPERLINK("x")', "sub_0002", "sub_0001", "sub_0000"]
    assert rows[1]["class"] == "key_without_subscription" and rows[1]["amount_minor"] == "100"
    staff.get("/Reconciliation/Export?kind=charged_without_key")
    assert staff.html.count("\n") == 2


@pytest.mark.parametrize("role", ["viewer"])
def test_a_viewer_reads_and_repairs_nothing(story: Story, desk: Desk, role: str) -> None:
    story.buy(story.customer())
    desk.compare()
    page = Page(story.app).sign_in(factories.make_staff(story.vendor, role), vendor=story.vendor)
    finding = desk.the("charged_without_key").id
    page.get("/Reconciliation").get(f"/Reconciliation/{finding}")

    assert not page.soup.select('main form[method="post" i]')
    for path in ("Compare", f"{finding}/DryRun", f"{finding}/Repair", f"{finding}/PutAside", "Events/Replay"):
        page.post(f"/Reconciliation/{path}", status=403)


def test_the_findings_of_another_vendor_do_not_exist(story: Story, desk: Desk, globex: Vendor) -> None:
    story.buy(story.customer())
    desk.compare()
    page = Page(story.app).sign_in(factories.make_staff(globex), vendor=globex)
    finding = desk.the("charged_without_key").id
    page.get("/Reconciliation")
    assert "no Stripe key yet" in page.text and "Charged" not in page.text
    page.get(f"/Reconciliation/{finding}", status=404)
    page.get("/Customer/Create")
    field = page.soup.select_one("input[name=csrf_token]")
    assert field
    data = {"csrf_token": field["value"], "vendor": str(globex.id)}
    for action in ("DryRun", "Repair", "PutAside"):
        page.post(f"/Reconciliation/{finding}/{action}", data, status=404)


def test_the_health_line_turns_red_long_before_stripe_gives_up(story: Story, staff: Page) -> None:
    story.tell(story.buy(story.customer()))
    staff.get("/Reconciliation")
    assert "1 event waits" in staff.text and not staff.soup.select(".note.d")

    story.move(hours=2)
    staff.get("/Reconciliation")

    assert "Events wait for more than an hour" in staff.text and staff.soup.select(".note.d")


WORDS = {
    endpoint.DISABLED: ("Stripe has disabled your webhook endpoint", ".note.d"),
    endpoint.MISSING: ("Stripe has no webhook endpoint with your address", ".note.d"),
    endpoint.WRONG_MODE: ("belongs to the other mode", ".note.d"),
    endpoint.WRONG_EVENTS: ("Stripe does not tell of everything", ".note.w"),
    endpoint.WRONG_VERSION: ("another version of Stripe's interface", ".note.w"),
}


@pytest.mark.parametrize("state", sorted({*endpoint.STATES} - {endpoint.OK, endpoint.UNKNOWN}))
def test_what_is_wrong_with_the_endpoint_leads_to_the_doctor(story: Story, staff: Page, state: str) -> None:
    endpoint.keep(story.vendor_id, endpoint.EndpointHealth(state, checked_at=clock.now()))
    db.session.commit()
    staff.get("/Reconciliation")

    said, kind = WORDS[state]
    assert said in staff.text and staff.soup.select_one(kind)
    assert staff.soup.select_one('main a.btn[href="/StripeDoctor"]')


def test_the_health_line_tells_last_event_lag_and_failures(story: Story, staff: Page) -> None:
    told = clock.now()
    for _time in range(2):
        story.tell(story.buy(story.customer()))
    db.session.query(StripeEvent).order_by(StripeEvent.id)[0].attempts = 3
    db.session.commit()
    story.move(minutes=7)
    staff.get("/Reconciliation")

    line = staff.soup.select_one("main section.note")
    assert line and line.time and line.time["datetime"] >= told.isoformat()[:16]
    assert "2 events wait (the oldest one for 7 minutes)" in staff.text
    assert "1 event fails and is tried again" in staff.text


def test_two_comparisons_at_once_make_one_finding(story: Story, desk: Desk) -> None:
    story.buy(story.customer())
    desk.compare()
    desk.compare()

    assert db.session.query(Finding).count() == 1
    assert db.session.query(OutboxItem).filter_by(name="charged_without_key").count() == 0
