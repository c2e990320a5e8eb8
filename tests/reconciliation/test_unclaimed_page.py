"""The page of a payment that has no key: what it says and offers depends on why."""

from __future__ import annotations

import pytest

from tests.fulfillment.story import Story, work_once
from tests.reconciliation.desk import Desk
from tests.support.mailbox import sent_mails
from tests.support.page import Page

PAGE = {
    "no_product": "If it sells none, put it aside: there is nothing to repair.",
    "bad_plan": "Mend the price on the Stripe doctor",
}
MAIL = {
    "no_product": "Does it sell none? Then put it aside on the desk.",
    "bad_plan": "Mend the price on the Stripe doctor; the key follows.",
}


@pytest.mark.parametrize(("product", "skm", "reason"), [("", "", "no_product"), ("1", "{broken", "bad_plan")])
def test_no_customer_is_asked_for_where_no_key_can_follow(
    story: Story, desk: Desk, staff: Page, product: str, skm: str, reason: str
) -> None:
    ada = story.customer(name="Ada Lovelace", email="ada@mail.example")
    price = story.plan(skm, product=product)
    bought = story.buy(price=price)
    assert story.tell(bought) == 200 and work_once() is True
    (mail,) = [mail for mail in sent_mails("owner@acme.example") if mail.name == "unclaimed_payment"]
    assert MAIL[reason] in mail.text and "/StripeDoctor" in mail.text
    assert "A payment that makes no key" in mail.subject
    desk.compare()

    path = f"/Reconciliation/{desk.the('unclaimed_payment').id}"
    staff.get(path)
    assert PAGE[reason] in staff.text and "the key follows" not in staff.text
    assert staff.soup.select_one('main a.btn[href="/StripeDoctor"]')
    staff.get("/Reconciliation")
    assert PAGE[reason] in staff.text

    staff.get(f"{path}?q=lovelace").submit(form='details form[action$="/DryRun"]', status=200)
    assert "This does not settle it" in staff.text and PAGE[reason] in staff.text
    assert not staff.soup.select('form[action$="/Repair"]')
    assert story.purchase(bought).customer_id is None

    story.shop.v1.products.update(price.product, {"metadata": {"skm_product_id": "1"}})
    story.shop.v1.prices.update(price.id, {"metadata": {"skm": ""}})
    staff.get(f"{path}?q=lovelace").submit(form='details form[action$="/DryRun"]', status=200)
    staff.submit(form='form[action$="/Repair"]').follow()
    assert story.the_key().customer_id == ada.id


def test_no_other_customer_is_asked_for_where_one_is_known(story: Story, desk: Desk, staff: Page) -> None:
    story.happens(story.buy(story.customer(), story.plan(product="")))
    desk.compare()
    staff.get(f"/Reconciliation/{desk.the('unclaimed_payment').id}")
    assert not staff.soup.select("#q")
    staff.submit(form='form[action$="/DryRun"]', status=200)
    assert not staff.soup.select('form[action$="/Repair"]')


def paid_by_grace(story: Story, desk: Desk) -> str:
    """Somebody unknown buys a plan; the path of the finding about it."""
    payer = story.shop.customer(email="grace@mail.example")
    story.shop.v1.customers.update(payer.id, {"name": "Grace Hopper"})
    story.happens(story.buy(price=story.plan(), buyer=payer))
    desk.compare()
    return f"/Reconciliation/{desk.the('unclaimed_payment').id}"


def test_the_page_says_who_paid_for_what_and_who_was_mailed(story: Story, desk: Desk, staff: Page) -> None:
    path = paid_by_grace(story, desk)
    staff.get(path)
    assert "Grace Hopper · grace@mail.example" in staff.text
    assert "1 × " in staff.text and "$19.00" in staff.text
    assert staff.soup.select_one('main dl a[rel="noopener"]').get_text() == "Open in the dashboard"
    assert "A link went to grace@mail.example on" in staff.text, "without being asked"

    staff.submit(form='form[action$="/ClaimLink"]').follow()
    assert staff.text.count("A link went to grace@mail.example on") == 2
    assert "Mail the claim link again" in staff.text


def test_a_customer_for_the_payer_is_created_on_the_way(story: Story, desk: Desk, staff: Page) -> None:
    path = paid_by_grace(story, desk)
    staff.get(path)
    staff.get(staff.soup.select_one('main a[href^="/Customer/Create"]')["href"])
    assert staff.soup.select_one("#name")["value"] == "Grace Hopper"
    assert staff.soup.select_one("#email")["value"] == "grace@mail.example"
    staff.submit({"name": ""}, status=422)
    staff.submit({"name": "Grace Hopper"}).follow()
    assert staff.path.startswith(path)

    staff.submit(form='form[action$="/DryRun"]', status=200)
    key = "A key of Widget Studio is there for customer #1, Grace Hopper"
    assert key in staff.text
    staff.submit(form='form[action$="/Repair"]').follow()
    assert story.the_key().customer_id == 1


def test_only_a_finding_of_the_vendor_leads_to_the_form(staff: Page) -> None:
    for text in ("4711", "x", "//evil.example", "9" * 30):
        staff.get(f"/Customer/Create?finding={text}", status=404)
