"""Plans: our table of the vendor's prices, and the page that shows them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete

from portal import clock
from portal.billing import gateway, plans
from portal.billing import service as billing
from portal.billing.gateway import PriceRead
from portal.billing.models import Plan, StripeAccount
from portal.billing.plans import problem_of
from portal.extensions import db
from portal.formatters import money_in
from portal.licenses.limits import Limits
from portal.licenses.models import Product
from portal.vendors import service as vendors
from tests import factories
from tests.billing.buying import BASE, Buyer
from tests.webhooks import letters
from tests.webhooks.letters import SECRET


def price(**facts: object) -> PriceRead:
    """A price that can be sold, changed by `facts`."""
    good = {
        "id": "price_1",
        "livemode": False,
        "is_active": True,
        "product_id": "prod_1",
        "name": "Widget Studio",
        "nickname": "",
        "description": "",
        "unit_label": "",
        "amount_minor": 1900,
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
        "is_metered": False,
        "trial_days": 0,
        "metadata": {},
        "product_metadata": {"skm_product_id": "1"},
    }
    return PriceRead(**(good | facts))  # type: ignore[arg-type]


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({}, ""),
        ({"interval": ""}, ""),
        ({"amount_minor": 0}, ""),
        ({"metadata": {"skm": '{"F1": true}'}}, ""),
        ({"product_metadata": {}, "metadata": {"skm": '{"ProductId": 1}'}}, ""),
        ({"product_metadata": {}}, "no_product"),
        ({"product_metadata": {}, "metadata": {"skm": "{"}}, "no_product"),
        ({"metadata": {"skm": "F1=true"}}, "bad_plan"),
        ({"metadata": {"skm": '{"F9": true}'}}, "bad_plan"),
        ({"metadata": {"latchkey_trial_days": "two weeks"}}, "bad_plan"),
        ({"metadata": {"latchkey_trial_days": "731"}}, "bad_plan"),
        ({"product_metadata": {"skm_product_id": "2"}}, "unknown_product"),
        ({"product_metadata": {"skm_product_id": "Widget"}}, "unknown_product"),
        ({"is_active": False}, "inactive"),
        ({"amount_minor": None}, "unsupported"),
        ({"is_metered": True}, "unsupported"),
        ({"interval": "fortnight"}, "unsupported"),
    ],
)
def test_each_reason_not_to_sell_a_price_has_its_name(facts: dict[str, object], problem: str) -> None:
    assert problem_of(price(**facts), {1: Limits()}) == problem


@pytest.mark.sqlite_only
@pytest.mark.parametrize("interval", ["", "month"])
@pytest.mark.parametrize(
    ("limits", "skm", "lacks"),
    [
        (Limits(all_licenses=True), "", True),
        (Limits(all_licenses=True), '{"Period": 30}', False),
        (Limits({"f1": {"type": 1}}), '{"F1": true, "F2": true}', True),
        (Limits({"f1": {"type": 1}}), '{"F1": true, "Period": 1}', False),
        (Limits({"f1": {"type": 1}, "f2": {"type": 2}}), '{"F1": false, "F2": true}', False),
    ],
)
def test_what_is_paid_once_needs_a_period_where_licenses_end(
    interval: str, limits: Limits, skm: str, lacks: bool
) -> None:
    sold = price(interval=interval, metadata={"skm": skm})
    assert problem_of(sold, {1: limits}) == ("bad_plan" if lacks and not interval else "")


@pytest.mark.sqlite_only
def test_stripes_shapes_of_a_price_are_read() -> None:
    tiered = {"id": "price_1", "billing_scheme": "tiered", "unit_amount": None, "active": True, "currency": "usd"}
    free = {
        "id": "price_2",
        "unit_amount": 5,
        "custom_unit_amount": {"minimum": 1},
        "active": True,
        "product": "prod_1",
    }
    archived = {"id": "price_3", "active": True, "product": {"id": "prod_2", "active": False}}
    old_trial = {"id": "price_4", "recurring": {"interval": "month", "trial_period_days": 7, "usage_type": "metered"}}
    read = [gateway.prices.read_price(one) for one in (tiered, free, archived, old_trial)]

    assert [one.amount_minor for one in read] == [None, None, None, None]
    assert (read[1].product_id, read[2].is_active, read[3].trial_days, read[3].is_metered) == ("prod_1", False, 7, True)


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("currency", "amount", "shown"),
    [
        ("usd", 1900, "$19.00"),
        ("jpy", 1900, "¥1,900"),
        ("rsd", 190050, "RSD1,900.50"),
        ("kwd", 1900, "KWD1.900"),
        ("isk", 50000, "ISK500.00"),
    ],
)
def test_amounts_have_the_decimals_they_have_at_stripe(currency: str, amount: int, shown: str) -> None:
    assert money_in("en", amount, currency).replace("\xa0", "") == shown


def test_a_price_is_sold_until_stripe_no_longer_lists_it(buyer: Buyer) -> None:
    monthly, odd = buyer.plan(), buyer.plan('{"F9": true}')
    assert buyer.table() == {monthly: "", odd: "bad_plan"}

    buyer.story.move(minutes=5)
    buyer.story.shop.v1.prices.update(odd, {"metadata": {"skm": '{"F2": true}'}})
    buyer.story.shop.v1.prices.update(monthly, {"active": False})
    buyer.sync()
    assert buyer.table() == {monthly: "inactive", odd: ""}


def test_many_prices_come_page_by_page(buyer: Buyer) -> None:
    made = buyer.story.shop.v1.products.create({"name": "Many", "metadata": {"skm_product_id": "1"}})
    for number in range(103):
        buyer.story.shop.v1.prices.create({"product": made.id, "currency": "usd", "unit_amount": 100 + number})
    buyer.sync()
    assert list(buyer.table().values()) == [""] * 103


def test_an_older_reading_never_overwrites_a_newer_one(buyer: Buyer) -> None:
    price_id, now = buyer.plan(), clock.now()
    plans.apply(buyer.story.vendor_id, False, [price(id=price_id, name="Older")], now - timedelta(minutes=1))
    db.session.commit()
    assert db.session.get(Plan, (buyer.story.vendor_id, price_id)).name == "Widget Studio"  # type: ignore[union-attr]


def test_prices_of_the_other_mode_are_never_sold(buyer: Buyer) -> None:
    buyer.plan()
    plans.apply(buyer.story.vendor_id, False, [price(id="price_live", livemode=True)], clock.now())
    db.session.commit()
    assert "price_live" not in buyer.table()

    account = db.session.get(StripeAccount, buyer.story.vendor_id)
    assert account is not None
    account.livemode = True
    db.session.commit()
    assert "Nothing to buy here yet" in buyer.page.get(f"{BASE}Plans").text


def test_events_about_products_and_prices_lead_to_one_reading(buyer: Buyer) -> None:
    billing.set_account(vendors.get(buyer.story.vendor_id), webhook_secrets=[SECRET])
    db.session.commit()
    buyer.story.work()
    made = buyer.story.plan()
    buyer.story.sandbox.judge.seen.clear()
    for kind, shown in (
        ("product.created", {"id": made.product, "object": "product"}),
        ("price.created", {"id": made.id, "object": "price"}),
        ("price.updated", {"id": made.id, "object": "price"}),
    ):
        assert buyer.story.deliver(letters.event(kind, shown)) == 200
    buyer.story.work()
    buyer.story.move(minutes=3)
    buyer.story.work()

    assert buyer.table() == {made.id: ""}
    assert buyer.story.sandbox.judge.seen == ["GET /v1/prices 200"]


def test_a_new_key_and_every_hour_lead_to_a_reading(buyer: Buyer, key: str) -> None:
    first = buyer.story.plan().id
    billing.set_account(vendors.get(buyer.story.vendor_id), api_key=key)
    db.session.commit()
    buyer.story.work()
    assert buyer.table() == {first: ""}

    second = buyer.story.plan().id
    buyer.story.sweep("billing.sync_plans")
    assert buyer.table() == {first: "", second: ""}


def test_another_stripe_account_starts_without_plans(buyer: Buyer) -> None:
    price_id = buyer.plan()
    buyer.buy(price_id)
    vendor = vendors.get(buyer.story.vendor_id)
    db.session.commit()
    billing.set_account(vendor, api_key="sk_test_anotheraccount01")
    db.session.commit()

    assert (buyer.table(), buyer.order().state) == ({}, "expired")
    assert "Nothing to buy" in buyer.page.get(f"{BASE}Plans").text


def test_the_page_shows_prices_in_words_by_product(buyer: Buyer) -> None:
    shop = buyer.story.shop.v1
    product = shop.products.create(
        {"name": "Render <Farm>", "description": "For studios.", "metadata": {"skm_product_id": "1"}}
    )
    base = {"product": product.id, "currency": "eur"}
    yearly = {"interval": "year"}
    shop.prices.create({**base, "unit_amount": 19900, "recurring": yearly, "nickname": "Yearly"})
    quarter = {"interval": "month", "interval_count": 3}
    shop.prices.create({**base, "unit_amount": 5000, "recurring": quarter, "metadata": {"latchkey_trial_days": "14"}})
    shop.prices.create({**base, "unit_amount": 49900})
    shop.prices.create({**base, "unit_amount": 0, "metadata": {"skm": '{"quantity": "machines"}'}})
    buyer.sync()
    text = buyer.page.get(f"{BASE}Plans").text

    order = ["€50.00 every 3 months", "14 days free", "Yearly", "€199.00 per year", "Free", "Machines", "€499.00 once"]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    assert "Render <Farm>" in text
    assert "For studios." in text


def test_a_price_says_what_a_key_of_it_can_do(buyer: Buyer) -> None:
    product = db.session.get(Product, (buyer.story.vendor_id, 1))
    assert product is not None
    product.feature_definitions = {"f1": {"name": "Export <PDF>", "type": 0}, "f2": {"name": "Support", "type": 1}}
    db.session.commit()
    buyer.plan(skm='{"F1": true, "F3": true, "MaxNoOfMachines": 3, "Period": 30}')

    for path in (f"{BASE}Plans", BASE):
        text = buyer.page.get(path).text
        assert "Export <PDF>, F3, 3 machines per license" in text
        assert "Support" not in text


def test_a_free_trial_is_not_promised_to_who_has_had_it(buyer: Buyer) -> None:
    price = buyer.plan(metadata={"latchkey_trial_days": "14"})
    pages = [f"{BASE}Plans", BASE]
    assert all("14 days free" in buyer.page.get(path).text for path in pages)
    buyer.pay(buyer.buy(price))
    buyer.come_back()

    assert not any("14 days free" in buyer.page.get(path).text for path in pages)


def test_the_page_needs_no_stripe(buyer: Buyer) -> None:
    buyer.plan()
    buyer.story.sandbox.judge.seen.clear()
    buyer.page.get(f"{BASE}Plans")
    assert buyer.story.sandbox.judge.seen == []


def test_without_plans_the_page_is_calm_and_the_menu_does_not_name_it(buyer: Buyer) -> None:
    assert "has no plans at the moment" in buyer.page.get(f"{BASE}Plans").text
    assert not buyer.page.get(f"{BASE}Licenses").soup.select(f'a[href="{BASE}Plans"]')

    buyer.plan()
    assert len(buyer.page.get(f"{BASE}Licenses").soup.select(f'a[href="{BASE}Plans"]')) == 2  # menu and empty page
    assert buyer.page.get(f"{BASE}Billing").soup.select(f'main a[href="{BASE}Plans"]')


def test_the_front_page_shows_the_plans_to_strangers(buyer: Buyer) -> None:
    buyer.plan(amount=2100)
    stranger = type(buyer.page)(buyer.app)
    assert "$21.00 per month" in stranger.get(BASE).text
    assert not stranger.soup.select(f'a[href="{BASE}Plans"]')
    [way] = stranger.soup.select('main a:-soup-contains("Sign in to buy")')
    assert "Plans" in stranger.get(str(way["href"])).soup.select_one('input[name="next"]')["value"]
    assert buyer.page.get(BASE).soup.select(f'main a[href="{BASE}Plans"]')


def test_a_removed_key_ends_the_sale(buyer: Buyer) -> None:
    buyer.plan()
    billing.set_account(vendors.get(buyer.story.vendor_id), api_key="")
    db.session.commit()
    assert not buyer.page.get(f"{BASE}Licenses").soup.select(f'a[href="{BASE}Plans"]')
    assert "Nothing to buy" in buyer.page.get(f"{BASE}Plans").text


def test_a_customer_sees_what_they_have(buyer: Buyer) -> None:
    price_id = buyer.plan()
    session = buyer.buy(price_id, quantity="2")
    buyer.pay(session)
    buyer.come_back()
    assert "You have 2 licenses of this plan" in buyer.page.get(f"{BASE}Plans").text
    assert "Buy another" in buyer.page.text


def test_plans_of_another_vendor_stay_there(buyer: Buyer) -> None:
    price_id = buyer.plan()
    globex = factories.make_vendor(domain="globex.example", name="Globex")
    page = type(buyer.page)(buyer.app).sign_in(factories.make_customer_user(globex))
    assert "Nothing to buy" in page.get("/Portal/@globex.example/Plans").text
    token = page.get("/Portal/@globex.example/Account").soup.select_one("input[name=csrf_token]")
    path = "/Portal/@globex.example/Billing/Checkout"
    page.post(path, {"csrf_token": token["value"], "price": price_id})  # type: ignore[index]
    assert page.location == "/Portal/@globex.example/Plans"
    assert buyer.orders() == []


def test_a_reading_notes_only_once_that_there_is_something_to_buy(buyer: Buyer) -> None:
    buyer.plan()
    vendor = vendors.get(buyer.story.vendor_id)
    assert vendors.profile_of(vendor).sells_plans
    db.session.execute(delete(Plan))
    db.session.commit()
    buyer.story.shop.v1.prices.update(buyer.story.plan().id, {"active": False})
    plans.apply(buyer.story.vendor_id, False, [], clock.now())
    db.session.commit()
    assert not vendors.profile_of(vendors.get(buyer.story.vendor_id)).sells_plans
