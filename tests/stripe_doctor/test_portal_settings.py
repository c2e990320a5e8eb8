"""Checks of Stripe's customer portal, and their repairs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.vendors import service as vendors
from tests.stripe_doctor.conftest import Clinic, press, send
from tests.support import databases
from tests.support.page import Page
from tests.support.sandbox_server import RunningSandbox, running_sandbox

QUANTITY = {"enabled": True, "minimum": 2, "maximum": 9}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSandbox]:
    """A sandbox where nobody has saved any portal settings."""
    with running_sandbox(default_configuration=False) as running:
        yield running


@pytest.fixture(scope="module")
def shared_app(database_url: str, server: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The portal, pointed at it."""
    folder: Path = tmp_path_factory.mktemp("portal_settings")
    return databases.make_app(database_url, folder, LATCHKEY_STRIPE_API_BASE=server.url)


def portal_codes(clinic: Clinic) -> set[str]:
    """What a run finds about the portal; a feature by its name."""
    found = [one for one in clinic.run().found if one.group == "portal"]
    return {one.values.get("feature", one.code) for one in found}


def configurations(clinic: Clinic) -> list[dict[str, Any]]:
    """What is at Stripe, the newest first."""
    params: Any = {"expand": ["data.features.subscription_update.products"]}
    return [one.to_dict() for one in clinic.v1.billing_portal.configurations.list(params).data]


def save(desk: Page, status: int = 303, **typed: Any) -> Page:
    """The settings form, as it stands but for these."""
    return desk.get("/StripeDoctor/Portal").submit(typed, status=status)


def test_settings_that_were_never_saved_are_saved_with_one_click(clinic: Clinic, desk: Page) -> None:
    assert portal_codes(clinic) == {"portal_unsaved"}
    press(desk, "Feature", name="suggested")
    (made,) = configurations(clinic)
    on = {name for name, feature in made["features"].items() if feature["enabled"]}
    assert on == {"payment_method_update", "subscription_cancel", "invoice_history"}
    account = db.session.get(StripeAccount, clinic.vendor_id)
    assert account is not None and account.configuration_id == made["id"], "sessions open with it"
    assert portal_codes(clinic) == {"subscription_update", "business_links", "login_page_off"}


def test_the_form_turns_everything_green(clinic: Clinic, desk: Page) -> None:
    price = clinic.sell()
    links = {
        "headline": "x" * 60,
        "privacy_policy_url": "https://acme.example/privacy",
        "terms_of_service_url": "https://acme.example/terms",
    }
    save(desk, subscription_update="y", login_page="y", customer_update="y", **links).follow()
    assert portal_codes(clinic) == {"login_link_unshared"}
    (made,) = configurations(clinic)
    assert made["business_profile"] == links
    offered = made["features"]["subscription_update"]["products"]
    assert [(one["product"], one["prices"]) for one in offered] == [(price.product, [price.id])]

    press(desk, "Feature", name="login_link")
    assert portal_codes(clinic) == set()
    link = vendors.switches_of(vendors.get(clinic.vendor_id)).portal_login_link
    assert link == made["login_page"]["url"]


def test_changes_are_made_in_place(clinic: Clinic, desk: Page) -> None:
    save(desk).follow()
    save(desk, headline="Hello", cancel_mode="immediately").follow()
    save(desk, invoice_history=None).follow()
    (made,) = configurations(clinic)
    assert made["business_profile"]["headline"] == "Hello"
    assert made["features"]["subscription_cancel"]["mode"] == "immediately"
    assert not made["features"]["invoice_history"]["enabled"]
    save(desk, headline="").follow()
    (made,) = configurations(clinic)
    assert not made["business_profile"]["headline"], "what was emptied is emptied"


def test_each_feature_and_the_login_page_is_switched_on_with_one_click(clinic: Clinic, desk: Page) -> None:
    off = dict.fromkeys(("payment_method_update", "subscription_cancel", "invoice_history"))
    save(desk, **off).follow()
    assert set(off) <= portal_codes(clinic)
    for name in off:
        press(desk, "Feature", name=name)
    press(desk, "Feature", name="login_page")
    assert not portal_codes(clinic) & {*off, "login_page_off"}


def tune(clinic: Clinic, product: str, *prices: str, **more: Any) -> dict[str, Any]:
    """The vendor sets more in Stripe's dashboard than our form knows; what is configured then."""
    (made,) = configurations(clinic)
    offered = {"product": product, "prices": list(prices), "adjustable_quantity": QUANTITY}
    update = {
        "enabled": True,
        "default_allowed_updates": ["price", "quantity", "promotion_code"],
        "proration_behavior": "always_invoice",
        "products": [offered],
    }
    given = {"subscription_update": update, "customer_update": {"enabled": True, "allowed_updates": ["email"]}}
    clinic.v1.billing_portal.configurations.update(made["id"], {"features": {**given, **more}})
    (tuned,) = configurations(clinic)
    return tuned


@pytest.mark.parametrize("name", ["login_page", "invoice_history"])
def test_switching_one_thing_on_leaves_the_rest_as_the_vendor_had_it(clinic: Clinic, desk: Page, name: str) -> None:
    price = clinic.sell()
    save(desk).follow()
    yearly = {"product": price.product, "currency": "usd", "unit_amount": 19000, "recurring": {"interval": "year"}}
    clinic.v1.prices.create({**yearly, "metadata": {"skm": "{}"}})
    before = tune(clinic, price.product, price.id, invoice_history={"enabled": name == "login_page"})
    assert {"plans_not_offered", "login_page_off"} <= portal_codes(clinic)

    press(desk, "Feature", name=name)

    (after,) = configurations(clinic)
    is_on = after["login_page"] if name == "login_page" else after["features"].pop(name)
    assert is_on["enabled"]
    for document in (before, after):
        document["features"].pop(name, None)
        for changed in (name, "updated"):
            document.pop(changed, None)
    assert after == before


def test_saving_the_form_keeps_what_it_does_not_show_of_plan_changes(clinic: Clinic, desk: Page) -> None:
    price = clinic.sell()
    own = {"product": price.product, "currency": "usd", "unit_amount": 500, "recurring": {"interval": "week"}}
    unsold = clinic.v1.prices.create(own)
    save(desk).follow()
    tune(clinic, price.product, price.id, unsold.id)
    second = clinic.sell()

    save(desk, headline="Hello", **{f"offer_{second.product}": "y"}).follow()

    (made,) = configurations(clinic)
    update = made["features"]["subscription_update"]
    assert update["default_allowed_updates"] == ["price", "quantity", "promotion_code"]
    assert update["proration_behavior"] == "always_invoice"
    offered = {one["product"]: one for one in update["products"]}
    assert offered[price.product]["adjustable_quantity"] == QUANTITY
    assert set(offered[price.product]["prices"]) == {price.id, unsold.id}, "also what we do not sell"
    assert offered[second.product]["prices"] == [second.id]
    assert not offered[second.product]["adjustable_quantity"]["enabled"]


def test_of_a_fresh_configuration_customers_change_the_price_only(clinic: Clinic, desk: Page) -> None:
    clinic.sell()
    save(desk, subscription_update="y").follow()
    (made,) = configurations(clinic)
    update = made["features"]["subscription_update"]
    assert update["default_allowed_updates"] == ["price"]
    assert [one["adjustable_quantity"]["enabled"] for one in update["products"]] == [False]


def test_plans_that_customers_cannot_switch_to_are_counted(clinic: Clinic, desk: Page) -> None:
    clinic.sell()
    save(desk, subscription_update="y").follow()
    assert "plans_not_offered" not in portal_codes(clinic)
    second = clinic.sell()
    assert "plans_not_offered" in portal_codes(clinic)
    desk.get("/StripeDoctor/Portal")
    save(desk, **{f"offer_{second.product}": "y"}).follow()
    assert "plans_not_offered" not in portal_codes(clinic)


def test_of_two_prices_with_one_rhythm_only_one_is_offered(clinic: Clinic, desk: Page) -> None:
    price = clinic.sell()
    given = {"product": price.product, "currency": "usd", "unit_amount": 2900, "recurring": {"interval": "month"}}
    clinic.v1.prices.create({**given, "metadata": {"skm": "{}"}})
    save(desk, subscription_update="y").follow()
    (made,) = configurations(clinic)
    assert len(made["features"]["subscription_update"]["products"][0]["prices"]) == 1


def test_settings_that_stripe_has_lost_are_made_again(clinic: Clinic, desk: Page) -> None:
    account = db.session.get(StripeAccount, clinic.vendor_id)
    assert account is not None
    account.configuration_id = "bpc_nothing"
    db.session.commit()
    assert portal_codes(clinic) == {"portal_gone"}
    press(desk, "Feature", name="suggested")
    assert "portal_gone" not in portal_codes(clinic)


def test_a_login_link_that_is_none_of_stripes(clinic: Clinic, desk: Page) -> None:
    save(desk, login_page="y").follow()
    vendors.set_switch(vendors.get(clinic.vendor_id), "portal_login_link", "https://billing.stripe.com/p/login/old")
    db.session.commit()
    assert "login_link_dead" in portal_codes(clinic)
    press(desk, "Feature", name="login_link")
    assert "login_link_dead" not in portal_codes(clinic)


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("headline", "x" * 61),
        ("privacy_policy_url", "http://acme.example/privacy"),
        ("privacy_policy_url", "https:// acme"),
        ("terms_of_service_url", "javascript:alert(1)"),
        ("terms_of_service_url", "https://acme.example/" + "x" * 2048),
        ("cancel_mode", "never"),
    ],
)
def test_bad_settings_are_refused_beside_their_field(clinic: Clinic, desk: Page, field: str, bad: str) -> None:
    save(desk, status=422, **{"privacy_policy_url": "https://acme.example/kept", field: bad})
    assert desk.soup.select_one(f"#{field}-e").get_text().strip()
    if field != "privacy_policy_url":
        assert desk.soup.select_one("#privacy_policy_url")["value"] == "https://acme.example/kept"
    assert configurations(clinic) == []


def test_changing_plans_needs_a_product_to_change_to(clinic: Clinic, desk: Page) -> None:
    save(desk, status=422, subscription_update="y")
    assert "Choose at least one product" in desk.soup.select_one("#products-e").get_text()


def test_there_is_no_such_feature(clinic: Clinic, desk: Page) -> None:
    desk.get("/StripeDoctor")
    send(desk, "/Feature", name="everything").follow()
    assert "There is no such choice." in desk.text
    send(desk, "/Feature", name="login_link").follow()
    assert "The login page is off." in desk.text
    assert configurations(clinic) == []
