"""From our page to Stripe's billing portal and back."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.audit import service as audit
from portal.billing import service as billing
from portal.billing.models import StripeCustomer, Subscription
from portal.customers.models import Customer
from portal.extensions import db
from portal.licenses.models import License
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests.billing.shop import Shop
from tests.factories import make_association, make_customer, make_license, make_staff, make_user, set_terms
from tests.support.page import Page
from tests.support.sandbox_server import RunningSandbox

LICENSES, BILLING = "/Portal/@acme.example/Licenses", "/Portal/@acme.example/Billing"


class Buyer:
    """A signed-in customer with a license that a subscription pays."""

    def __init__(self, vendor: Vendor, shop: Shop, page: Page) -> None:
        self.user, self.customer = make_user(), make_customer(vendor)
        make_association(self.user, self.customer)
        self.license = make_license(vendor, customer=self.customer)
        self.at_stripe = shop.customer(self.customer)
        self.subscription = shop.subscribe(self.at_stripe, self.license).id
        billing.sync(vendor)
        db.session.commit()
        page.sign_in(self.user)


@pytest.fixture
def buyer(vendor: Vendor, shop: Shop, page: Page) -> Buyer:
    return Buyer(vendor, shop, page)


def press(page: Page, label: str, **options) -> Page:
    """Press a button of the current page that carries this text."""
    button = next(one for one in page.soup.select("main form button") if label in one.get_text())
    form = button.find_parent("form")
    fields = {one["name"]: one["value"] for one in form.select("input[name]")}
    if button.get("name"):
        fields[button["name"]] = button["value"]
    return page.post(form["action"], fields, headers={"Referer": f"http://localhost{page.path}"}, **options)


def test_the_card_opens_exactly_the_step_at_stripe(page: Page, buyer: Buyer, sandbox: RunningSandbox) -> None:
    page.get(LICENSES)
    press(page, "Cancel")

    assert page.response.headers["Location"].startswith(sandbox.url)
    assert page.response.headers["Cache-Control"] == "no-store"
    hosted = requests.get(page.response.headers["Location"], timeout=10)
    assert hosted.status_code == 200
    assert "ancel" in hosted.text


def test_a_session_is_made_for_each_click_and_kept_nowhere(page: Page, buyer: Buyer, vendor: Vendor) -> None:
    page.get(BILLING)
    first = press(page, "Manage billing").response.headers["Location"]
    page.get(BILLING)
    second = press(page, "Manage billing").response.headers["Location"]

    assert first != second
    entry = audit.list_for(vendor)[0]
    assert (entry.action, entry.record) == ("billing.portal", f"customer:{buyer.customer.id}")
    assert first not in str(entry.after)


def test_coming_back_shows_what_changed_at_stripe(page: Page, buyer: Buyer, shop: Shop) -> None:
    shop.v1.subscriptions.update(buyer.subscription, {"cancel_at_period_end": True})
    clock.move(timedelta(seconds=1))
    page.get(LICENSES)
    assert "renews on" in page.text

    page.get(f"{BILLING}/Return?customer={buyer.customer.id}&next={LICENSES}", status=303)
    assert page.location == LICENSES
    page.follow()
    assert "ends on" in page.text
    assert "Keep subscription" in page.text


def test_stripe_is_told_to_come_back_to_the_page_that_was_left(
    page: Page, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(
        "portal.billing.gateway.create_portal_session",
        lambda connection, params: asked.append(params) or "https://billing.stripe.com/p/session/1",
    )
    page.get(LICENSES)
    press(page, "Change plan")

    flow = asked[0]["flow_data"]
    assert flow["type"] == "subscription_update"
    assert flow["subscription_update"] == {"subscription": buyer.subscription}
    back = urlsplit(flow["after_completion"]["redirect"]["return_url"])
    assert (back.path, asked[0]["locale"]) == (f"{BILLING}/Return", "auto")
    assert parse_qs(back.query) == {"next": [LICENSES], "customer": [str(buyer.customer.id)]}
    assert page.response.headers["Location"] == "https://billing.stripe.com/p/session/1"


def test_an_address_that_is_not_stripes_is_never_followed(
    page: Page, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("https://evil.example/p", "http://billing.stripe.com/p", "https://billing.stripe.com.evil.example/"):
        monkeypatch.setattr("portal.billing.gateway.create_portal_session", lambda connection, params, url=url: url)
        page.get(BILLING)
        press(page, "Manage billing", status=503)


def test_a_step_stripe_refuses_opens_the_first_page_instead(page: Page, buyer: Buyer, shop: Shop) -> None:
    shop.v1.subscriptions.update(buyer.subscription, {"cancel_at_period_end": True})
    page.get(LICENSES)
    press(page, "Cancel")

    assert requests.get(page.response.headers["Location"], timeout=10).status_code == 200


@pytest.mark.parametrize(
    "fields", [{"flow": "delete"}, {"flow": "subscription_cancel"}, {"flow": "subscription_update"}]
)
def test_a_step_there_is_none_of_is_refused(page: Page, buyer: Buyer, fields: dict) -> None:
    page.get(BILLING)
    page.submit({"subscription": None, **fields}, form="form[action$='/Billing/Portal']", status=422)


def test_anothers_subscription_is_not_found(page: Page, buyer: Buyer, vendor: Vendor, shop: Shop) -> None:
    other = make_customer(vendor)
    foreign = shop.subscribe(shop.customer(other), make_license(vendor, customer=other)).id
    billing.sync(vendor)
    db.session.commit()
    for fields in ({"subscription": foreign}, {"customer": str(other.id)}, {"subscription": "sub_none"}):
        page.get(BILLING)
        page.submit({"flow": "subscription_cancel", "subscription": buyer.subscription, **fields}, status=404)
    assert [entry for entry in audit.list_for(vendor) if entry.action == "billing.portal"] == []


def test_who_got_a_purchase_of_somebody_else_does_not_see_their_cards(
    page: Page, buyer: Buyer, vendor: Vendor, shop: Shop, sandbox: RunningSandbox
) -> None:
    payer = shop.customer(make_customer(vendor))
    given = shop.subscribe(payer, buyer.license, metadata={"skm_customer_id": str(buyer.customer.id)}).id
    billing.sync(vendor)
    db.session.get(Subscription, (vendor.id, given)).customer_id = buyer.customer.id  # as the desk does
    db.session.commit()
    page.get(BILLING)
    sandbox.judge.seen.clear()
    for flow in ("", "payment_method_update", "subscription_cancel"):
        page.submit({"flow": flow, "subscription": given}, form="form[action$='/Billing/Portal']")
        assert page.location == BILLING
        page.follow()
        assert "Somebody else pays this subscription" in page.text
    assert sandbox.judge.seen == []


def test_another_vendors_subscription_is_not_found(page: Page, buyer: Buyer, globex: Vendor) -> None:
    make_association(buyer.user, make_customer(globex))
    page.get("/Portal/@globex.example/Billing")
    page.get(BILLING)
    token = page.find_form("form[action$='/Billing/Portal']").select_one("[name=csrf_token]")["value"]
    fields = {"csrf_token": token, "flow": "subscription_cancel", "subscription": buyer.subscription}
    page.post("/Portal/@globex.example/Billing/Portal", fields, status=404)


def test_a_user_of_several_customers_chooses(page: Page, buyer: Buyer, vendor: Vendor, shop: Shop) -> None:
    second = make_customer(vendor, name="Second Company")
    make_association(buyer.user, second)
    shop.customer(second)
    billing.sync(vendor)
    page.get(BILLING)
    assert "Second Company" in page.text

    page.submit({"customer": None}, form="form[action$='/Billing/Portal']")
    assert page.location == BILLING
    page.follow()
    assert "Choose whose billing" in page.text
    page.submit({"customer": str(second.id)}, form="form[action$='/Billing/Portal']")
    assert page.response.headers["Location"].startswith("http://127.0.0.1")


def test_without_a_counterpart_nothing_is_made_and_the_page_says_so(page: Page, vendor: Vendor, shop: Shop) -> None:
    user, customer = make_user(), make_customer(vendor)
    make_association(user, customer)
    page.sign_in(user).get(BILLING)
    assert "Nothing to manage yet" in page.text
    token = page.soup.select_one("[name=csrf_token]")["value"]
    page.post(f"{BILLING}/Portal", {"csrf_token": token}).follow()

    assert "billing starts with your first purchase" in page.text
    assert db.session.scalars(select(StripeCustomer)).all() == []
    assert list(shop.v1.customers.list({}).data) == []


def test_a_customer_stripe_lost_is_stale_and_told_so(page: Page, buyer: Buyer, shop: Shop) -> None:
    shop.v1.customers.delete(buyer.at_stripe.id)
    page.get(BILLING)
    press(page, "Manage billing").follow()

    assert "Stripe no longer knows this customer" in page.text
    assert db.session.scalars(select(StripeCustomer.state)).all() == ["stale"]


def test_no_code_mode_leads_to_the_login_link_with_the_address(page: Page, acme: Vendor) -> None:
    link = "https://billing.stripe.com/p/login/test_1"
    billing.set_account(acme, portal_login_url=link)
    user, customer = make_user(), make_customer(acme, email="billing+acme@mail.example")
    make_association(user, customer)
    page.sign_in(user).get(BILLING)
    assert "mails a passcode to billing+acme@mail.example" in page.text
    press(page, "Manage billing")

    assert page.response.headers["Location"] == f"{link}?prefilled_email=billing%2Bacme%40mail.example"


def test_too_many_clicks_are_asked_to_wait(page: Page, acme: Vendor) -> None:
    billing.set_account(acme, portal_login_url="https://billing.stripe.com/p/login/test_1")
    user = make_user()
    make_association(user, make_customer(acme))
    page.sign_in(user)
    for _click in range(30):
        page.get(BILLING)
        press(page, "Manage billing")
    page.get(BILLING)
    press(page, "Manage billing", status=429)

    assert int(page.response.headers["Retry-After"]) > 0


def test_in_no_code_mode_the_account_stands_in_for_a_missing_address(page: Page, acme: Vendor) -> None:
    billing.set_account(acme, portal_login_url="https://pay.acme.example/login?x=1")
    user = make_user("ada@mail.example")
    make_association(user, make_customer(acme, email=""))
    page.sign_in(user).get(BILLING)
    assert "https://pay.acme.example" in page.response.headers["Content-Security-Policy"]
    press(page, "Manage billing")

    expected = "https://pay.acme.example/login?x=1&prefilled_email=ada%40mail.example"
    assert page.response.headers["Location"] == expected


def test_without_stripe_the_page_says_what_comes(page: Page, acme: Vendor) -> None:
    user = make_user()
    make_association(user, make_customer(acme))
    page.sign_in(user).get(BILLING)

    assert "Nothing to manage yet" in page.text


def test_while_stripe_is_down_pages_work_and_the_step_offers_a_retry(
    page: Page, buyer: Buyer, monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    from dataclasses import replace

    nowhere = replace(app.extensions["settings"], stripe_api_base="http://127.0.0.1:9")
    monkeypatch.setitem(app.extensions, "settings", nowhere)
    monkeypatch.setattr("portal.billing.gateway.connection.RETRIES", 0)
    page.get(LICENSES)
    assert "renews on" in page.text
    press(page, "Cancel", status=503)

    assert "Nothing was changed" in page.text
    form = page.find_form("main form")
    assert form.select_one("[name=subscription]")["value"] == buyer.subscription
    assert form.select_one("[name=flow]")["value"] == "subscription_cancel"
    page.get(f"{BILLING}/Return?next={LICENSES}", status=303).follow()
    assert "did not answer in time" in page.text
    assert "renews on" in page.text


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_coming_back_never_leaves_the_site(page: Page, buyer: Buyer, wanted: str) -> None:
    page.get(f"{BILLING}/Return", query_string={"next": wanted}, status=303)
    assert page.location == BILLING


def test_coming_back_for_anothers_customer_reads_nothing(page: Page, buyer: Buyer, sandbox: RunningSandbox) -> None:
    sandbox.judge.seen.clear()
    page.get(f"{BILLING}/Return?customer=999&next={LICENSES}", status=303)
    assert sandbox.judge.seen == []


def test_with_terms_open_only_the_way_to_cancel_is(page: Page, buyer: Buyer, vendor: Vendor) -> None:
    page.get(LICENSES)
    token = page.soup.select_one("[name=csrf_token]")["value"]
    set_terms(vendor)
    fields = {"csrf_token": token, "subscription": buyer.subscription}
    page.post(f"{BILLING}/Portal", fields | {"flow": "subscription_update"})
    assert page.location == "/Portal/@acme.example/Terms"
    page.post(f"{BILLING}/Portal", fields | {"flow": "subscription_cancel"})
    assert page.response.headers["Location"].startswith("http://127.0.0.1")


def test_a_stranger_and_staff_without_association_get_nothing(page: Page, vendor: Vendor) -> None:
    page.get(BILLING, status=303)
    page.post(f"{BILLING}/Portal", {}, status=401)
    page.sign_in(make_staff(vendor)).get(BILLING, status=303)


def test_a_click_without_token_opens_nothing(page: Page, buyer: Buyer, sandbox: RunningSandbox) -> None:
    sandbox.judge.seen.clear()
    page.post(f"{BILLING}/Portal", {"flow": "subscription_cancel", "subscription": buyer.subscription}, status=400)
    assert sandbox.judge.seen == []


def test_a_subscription_without_license_is_shown_honestly(page: Page, vendor: Vendor, shop: Shop) -> None:
    user, customer = make_user(), make_customer(vendor)
    make_association(user, customer)
    shop.subscribe(shop.customer(customer))
    billing.sync(vendor)
    db.session.commit()
    vendors.set_switch(vendor, "support_email", "help@acme.example")
    for path in (LICENSES, BILLING):
        page.sign_in(user).get(path)
        assert "Your key is on its way" in page.text
        assert "the key works" not in page.text
        assert page.soup.select_one("main a[href='mailto:help@acme.example']")


def test_who_does_not_accept_new_terms_may_still_cancel(page: Page, buyer: Buyer, vendor: Vendor, shop: Shop) -> None:
    set_terms(vendor)
    page.get(LICENSES, status=303).follow()
    press(page, "Cancel subscription at Stripe")
    assert "ancel" in requests.get(page.response.headers["Location"], timeout=10).text

    shop.v1.subscriptions.update(buyer.subscription, {"cancel_at_period_end": True})
    page.get(f"{BILLING}/Return?customer={buyer.customer.id}&next=/Portal/@acme.example/Terms", status=303).follow()
    assert "It is canceled already." in page.text
    assert "Cancel subscription at Stripe" not in page.text


def test_without_an_api_key_the_terms_page_leads_to_the_login_link(page: Page, acme: Vendor) -> None:
    user, customer = make_user(), make_customer(acme)
    make_association(user, customer)
    set_terms(acme)
    vendors.set_switch(acme, "portal_login_link", "https://billing.stripe.com/p/login/test_1")
    link = page.sign_in(user).get("/Portal/@acme.example/Terms").soup.select_one("main a[href*='p/login/test_1']")
    assert link is not None
    assert parse_qs(urlsplit(link["href"]).query) == {"prefilled_email": [customer.email]}


def test_the_other_modes_subscriptions_are_not_shown(page: Page, buyer: Buyer, vendor: Vendor) -> None:
    row = db.session.scalars(select(Subscription)).one()
    row.livemode = True
    page.get(LICENSES)
    assert "renews on" not in page.text
    page.get(BILLING)
    assert "renews on" not in page.text
    page.submit({"subscription": buyer.subscription}, form="form[action$='/Billing/Portal']", status=404)
    assert isinstance(buyer.license, License)
    assert isinstance(buyer.customer, Customer)


def test_a_subscription_of_an_unknown_buyer_opens_for_nobody(
    page: Page, buyer: Buyer, vendor: Vendor, shop: Shop, sandbox: RunningSandbox
) -> None:
    strangers = shop.subscribe(shop.customer()).id
    billing.sync(vendor)
    db.session.commit()
    row = db.session.get(Subscription, (vendor.id, strangers))
    assert row is not None and row.customer_id is None
    page.get(BILLING)
    sandbox.judge.seen.clear()

    page.submit({"subscription": strangers}, form="form[action$='/Billing/Portal']", status=404)

    assert sandbox.judge.seen == []


def test_with_terms_open_a_refused_cancel_opens_nothing_else(
    page: Page, buyer: Buyer, vendor: Vendor, shop: Shop
) -> None:
    page.get(LICENSES)
    token = page.soup.select_one("[name=csrf_token]")["value"]
    shop.v1.subscriptions.cancel(buyer.subscription)
    set_terms(vendor)
    fields = {"csrf_token": token, "flow": "subscription_cancel", "subscription": buyer.subscription}

    page.post(f"{BILLING}/Portal", fields, status=503)

    assert "Location" not in page.response.headers
