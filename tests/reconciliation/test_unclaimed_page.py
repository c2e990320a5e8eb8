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
