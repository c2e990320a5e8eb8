"""Payments nobody is known for: staff bind them, or the payer claims them by the link in the mail."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from portal import clock
from portal.audit import service as audit
from portal.errors import Conflict, Invalid, NotFound
from portal.extensions import db
from portal.fulfillment import seeds, unclaimed
from portal.vendors import service as vendors
from tests import factories
from tests.fulfillment.story import Story, work_once
from tests.support.mailbox import Mail, sent_mails

PAYER = "payer@mail.example"


def pay(story: Story) -> str:
    """Somebody nobody knows has bought a key of ours; the id of the payment."""
    bought = story.buy(buyer=story.shop.customer(email=PAYER))
    assert story.tell(bought) == 200
    assert work_once() is True
    return str(bought.id)


def the_link(mails: list[Mail]) -> str:
    """The path of the claim link in the only mail."""
    (mail,) = mails
    assert mail.name == "claim_payment"
    parts = urlsplit(mail.links[0])
    return f"{parts.path}?{parts.query}"


def link_of(story: Story) -> str:
    """The claim link of a payment that was just made."""
    pay(story)
    return the_link(sent_mails(PAYER))


def test_it_is_listed_with_what_staff_need(story: Story) -> None:
    stripe_id = pay(story)
    (found,) = unclaimed.list_for(story.vendor)

    assert (found.stripe_id, found.reason, found.email) == (stripe_id, "no_customer", PAYER)
    assert (found.amount_minor, found.currency, found.can_be_claimed) == (1900, "usd", True)


def test_staff_and_payer_are_told_where_the_bank_took_its_time(story: Story) -> None:
    given = {"line_items": [{"price": story.once().id, "quantity": 1}], "mode": "payment"}
    paid_by = {"customer": story.shop.customer(email=PAYER).id, "success_url": "https://acme.example/thanks"}
    session = story.shop.v1.checkout.sessions.create({**given, **paid_by})
    story.do("pay", session.id, means="bank_pays_later")
    assert story.apply(story.read(session.id)) == "waiting"
    story.move(days=12)
    assert story.apply(story.read(session.id)) == "unclaimed"

    assert [mail.name for mail in sent_mails("owner@acme.example")] == ["unclaimed_payment"]
    assert [mail.name for mail in sent_mails(PAYER)] == ["claim_payment"]


def test_staff_and_payer_are_told_of_an_invoice_paid_two_weeks_after_it_was_sent(story: Story) -> None:
    buyer, price = story.shop.customer(email=PAYER), story.once()
    terms = {"collection_method": "send_invoice", "days_until_due": 30}
    invoice = story.shop.v1.invoices.create({"customer": buyer.id, **terms})
    item = {"customer": buyer.id, "invoice": invoice.id, "pricing": {"price": price.id}}
    story.shop.v1.invoice_items.create(item)
    story.shop.v1.invoices.finalize_invoice(invoice.id)
    story.move(days=14)
    story.shop.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert story.apply(story.read(invoice.id)) == "unclaimed"

    assert [mail.name for mail in sent_mails("owner@acme.example")] == ["unclaimed_payment"]
    assert [mail.name for mail in sent_mails(PAYER)] == ["claim_payment"]


def test_staff_and_payer_are_told_after_the_portal_was_away_for_days(story: Story) -> None:
    story.happens(story.buy(story.customer()))
    bought = story.buy(buyer=story.shop.customer(email=PAYER))
    story.move(days=4)
    assert story.apply(story.read(bought.id)) == "unclaimed"

    assert [mail.name for mail in sent_mails("owner@acme.example")] == ["unclaimed_payment"]
    assert [mail.name for mail in sent_mails(PAYER)] == ["claim_payment"]


def test_what_was_bought_long_before_the_first_look_is_told_to_nobody(story: Story) -> None:
    first, second = (story.buy(buyer=story.shop.customer(email=PAYER)) for _ in range(2))
    story.move(days=4)
    assert story.apply(story.read(first.id)) == "unclaimed"
    story.move(days=1)
    assert story.apply(story.read(second.id)) == "unclaimed"

    assert (sent_mails("owner@acme.example"), sent_mails(PAYER)) == ([], [])


def test_staff_say_whose_it_is_once(story: Story) -> None:
    stripe_id, mine, other = pay(story), story.customer(), story.customer()
    unclaimed.bind(story.vendor_id, stripe_id, mine.id)
    db.session.commit()
    assert story.work().failed == 0

    assert (story.the_key().customer_id, unclaimed.list_for(story.vendor)) == (mine.id, [])
    with pytest.raises(Conflict):
        unclaimed.bind(story.vendor_id, stripe_id, other.id)
    db.session.rollback()
    entries = [entry for entry in audit.list_for(story.vendor) if entry.action == "purchase.bind"]
    assert [entry.after for entry in entries] == [{"customer_id": mine.id}]


def test_what_is_bound_stands_at_stripe_too(story: Story) -> None:
    stripe_id, mine = pay(story), story.customer()
    unclaimed.bind(story.vendor_id, stripe_id, mine.id)
    db.session.commit()
    story.work()

    found = story.shop.v1.subscriptions.retrieve(stripe_id, {"expand": ["customer"]}).to_dict()
    assert found["metadata"]["skm_customer_id"] == str(mine.id)
    marks = {"skm_customer_id": str(mine.id), "latchkey_instance": seeds.instance_of(story.vendor_id)}
    assert found["customer"]["metadata"] == marks


def test_what_somebody_paid_before_they_were_known_is_theirs_once_stripe_says_who_they_are(story: Story) -> None:
    """The hourly looks are over by then."""
    buyer, owner = story.shop.customer(email=PAYER), story.customer()
    lines = [{"price": story.once().id, "quantity": 1}]
    given = {"mode": "payment", "success_url": "https://acme.example/thanks", "customer": buyer.id}
    session = story.shop.v1.checkout.sessions.create({**given, "line_items": lines})
    story.do("pay", session.id)
    story.tell_of("checkout.session.completed", {"id": session.id, "object": "checkout.session"})
    assert [one.stripe_id for one in unclaimed.list_for(story.vendor)] == [session.id]

    story.move(days=4)
    story.shop.v1.customers.update(buyer.id, {"metadata": {"skm_customer_id": str(owner.id)}})
    story.tell_of("customer.updated", {"id": buyer.id, "object": "customer"})

    assert unclaimed.list_for(story.vendor) == []
    assert story.the_key().customer_id == owner.id


def test_only_payments_and_customers_of_the_vendor_count(story: Story) -> None:
    stripe_id, theirs = pay(story), story.customer()
    with pytest.raises(Invalid):
        unclaimed.bind(story.vendor_id, stripe_id, theirs.id + 1000)
    with pytest.raises(NotFound):
        unclaimed.bind(story.vendor_id, "sub_unknown", theirs.id)
    db.session.rollback()


def test_the_payer_is_mailed_without_being_asked_where_strangers_may_join(story: Story) -> None:
    vendors.set_switch(story.vendor, "generic_sign_up", "off")
    db.session.commit()
    stripe_id = pay(story)
    assert sent_mails(PAYER) == []

    unclaimed.mail_link(vendors.profile_of(story.vendor), stripe_id)
    db.session.commit()
    assert the_link(sent_mails(PAYER)).startswith("/Portal/@acme.example/Claim?auth=")


def test_opening_the_link_changes_nothing_and_tells_nothing_new(story: Story) -> None:
    link = link_of(story)
    for _ in range(2):
        story.page.get(link)
        story.page.client.delete_cookie("latchkey-payment")
        story.page.client.delete_cookie("latchkey-form")
        assert story.page.response.headers["Referrer-Policy"] == "no-referrer"
        assert "$19.00" in story.page.text
        assert PAYER not in story.page.text
    assert len(unclaimed.list_for(story.vendor)) == 1


def test_a_customer_takes_it_for_one_of_their_own(story: Story) -> None:
    link = link_of(story)
    user, first, second = factories.make_user(), story.customer(), story.customer()
    for customer in (first, second):
        factories.make_association(user, customer)
    mine, second_id = user, second.id
    story.page.sign_in(mine, vendor=story.vendor)
    story.page.get(link, status=303).follow()
    story.page.submit({"customer": str(second_id)}, status=303)

    assert story.page.location == "/Portal/@acme.example/Licenses"
    assert story.the_key().customer_id == second_id
    story.page.get(link)
    assert "yours already" in story.page.text


def test_somebody_without_a_record_becomes_a_customer(story: Story) -> None:
    link = link_of(story)
    user = factories.make_user(email="ada@mail.example", name="Ada Lovelace")
    story.page.sign_in(user, vendor=story.vendor)
    story.page.get(link, status=303).follow()
    story.page.submit({}, status=303)
    story.page.get("/Portal/@acme.example/Licenses")

    assert story.the_key().key[-5:] in story.page.text


def test_nobody_takes_it_twice_or_for_somebody_else(story: Story) -> None:
    link = link_of(story)
    stranger, theirs, mine = factories.make_user(), story.customer(), story.customer()
    their_id, mine_id = theirs.id, mine.id
    story.page.sign_in(stranger, vendor=story.vendor)
    story.page.get(link, status=303).follow()
    story.page.submit({"customer": str(their_id)}, status=422)

    (payment,) = unclaimed.list_for(story.vendor)
    unclaimed.bind(story.vendor_id, payment.stripe_id, mine_id)
    db.session.commit()
    story.page.submit({"customer": "new"}, status=409)
    story.page.get(link, status=409)


def test_a_stranger_signs_up_and_comes_back(story: Story) -> None:
    link = link_of(story)
    story.page.get(link)
    typed = {"name": "Ada", "email": "ada@mail.example", "password": factories.PASSWORD}
    story.page.submit(typed, status=303)
    code = sent_mails("ada@mail.example")[-1].code
    story.page.get(story.page.location)
    story.page.submit({"code": code}, status=303)

    assert story.page.location == link
    story.page.get(link, status=303).follow()
    story.page.submit({}, status=303)
    assert not story.the_key().block


def test_old_and_altered_links(story: Story) -> None:
    link = link_of(story)
    story.page.get(link[:-2] + "xx", status=404)
    story.page.get("/Portal/@acme.example/Claim", status=404)
    clock.move(timedelta(days=31))
    story.page.get(link, status=410)


def test_the_code_leaves_the_address_bar(story: Story) -> None:
    link = link_of(story)
    story.page.get(link)
    story.page.get(link, status=303)
    assert story.page.location == "/Portal/@acme.example/Claim"

    story.page.follow()
    assert "$19.00" in story.page.text


def test_signing_in_keeps_the_code_out_of_the_address_bar(story: Story) -> None:
    link = link_of(story)
    for way_back in (link, "/Portal/@acme.example/Claim"):  # without a cookie yet, and with it
        sign_in = story.page.get(link, status=200 if way_back == link else 303)
        if way_back != link:
            sign_in.follow()
        href = str(story.page.soup.select_one("main a[href*=SignIn]")["href"])  # type: ignore[index]
        assert parse_qs(urlsplit(href).query)["next"] == [way_back]

    story.page.get("/Portal/@acme.example/Claim")
    assert "$19.00" in story.page.text


@pytest.mark.parametrize(("days", "sentence"), [(30, "works until"), (40, "works again as soon as the bill is paid")])
def test_the_mail_about_a_failed_bill_says_how_long_the_key_works(story: Story, days: int, sentence: str) -> None:
    buyer = story.shop.customer(story.customer(email="ada@mail.example"))
    bought = story.buy(buyer=buyer)
    story.happens(bought)
    story.shop.change_card(buyer.id, "pm_card_chargeCustomerFail")
    story.move(days=31)
    clock.move(timedelta(days=days - 30))
    story.apply(story.read(bought.id))

    (mail,) = [one for one in sent_mails("ada@mail.example") if one.name == "payment_failed"]
    assert sentence in mail.text
    assert sentence in mail.html


def test_who_has_no_key_hears_nothing_of_a_bill_that_failed_and_whose_it_becomes_does(story: Story) -> None:
    buyer = story.shop.customer(email=PAYER)
    bought = story.buy(buyer=buyer)
    story.happens(bought)
    story.shop.change_card(buyer.id, "pm_card_chargeCustomerFail")
    story.move(days=32)
    assert story.apply(story.read(bought.id)) == "unclaimed"
    assert (story.at_stripe(bought)["status"], sent_mails(PAYER)) == ("past_due", [])

    unclaimed.bind(story.vendor_id, bought.id, story.customer(email="ada@mail.example").id)
    db.session.commit()
    for _ in range(2):
        assert story.apply(story.read(bought.id)) == "served"
    assert [mail.name for mail in sent_mails("ada@mail.example")] == ["license_issued", "payment_failed"]


def test_a_failed_bill_for_something_else_is_not_told_here(story: Story) -> None:
    customer = story.customer(email="ada@mail.example")
    buyer = story.shop.customer(customer)
    bought = story.buy(buyer=buyer, price=story.plan(product=""))
    story.shop.change_card(buyer.id, "pm_card_chargeCustomerFail")
    story.move(days=32)

    assert story.apply(story.read(bought.id)) == "unclaimed"
    assert (story.at_stripe(bought)["status"], sent_mails("ada@mail.example")) == ("past_due", [])
