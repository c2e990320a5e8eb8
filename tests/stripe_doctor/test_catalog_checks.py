"""Checks of products and prices, and their repairs."""

from __future__ import annotations

import json

import pytest

from portal.billing import plans
from portal.extensions import db
from portal.licenses.service import get_product
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests.factories import make_product
from tests.stripe_doctor.conftest import Clinic, press, send
from tests.support.page import Page


def catalog_codes(clinic: Clinic) -> list[tuple[str, str]]:
    """What a run finds about the catalog."""
    return [(one.code, one.severity) for one in clinic.run().found if one.group == "catalog"]


def test_an_empty_catalog_and_a_good_one(clinic: Clinic) -> None:
    assert catalog_codes(clinic) == [("no_plan", "warning")]
    clinic.sell()
    assert catalog_codes(clinic) == []


@pytest.mark.parametrize(
    ("skm", "product_id", "found"),
    [
        (None, "", [("no_plan", "warning"), ("product_unbound", "hint")]),
        ('{"F1": true}', "", [("no_plan", "warning"), ("product_unbound", "broken")]),
        ("{}", "77", [("no_plan", "warning"), ("product_unknown", "broken")]),
        ("{}", "one", [("no_plan", "warning"), ("product_unknown", "broken")]),
    ],
)
def test_a_product_that_pays_nothing_of_ours_is_bound_with_one_click(
    clinic: Clinic, desk: Page, skm: str | None, product_id: str, found: list[tuple[str, str]]
) -> None:
    price = clinic.sell(skm, product_id)
    assert catalog_codes(clinic) == found
    press(desk, "Bind", product=price.product)
    assert clinic.v1.products.retrieve(price.product).metadata["skm_product_id"] == "1"
    assert catalog_codes(clinic) == ([("price_without_plan", "hint")] if skm is None else [])


@pytest.mark.parametrize(
    ("skm", "plan", "code", "says"),
    [
        ("not json", {}, "price_invalid", "This is not JSON."),
        ('{"Colour": 1}', {}, "price_invalid", "CreateKey has no parameter colour."),
        ('{"ProductId": 99}', {}, "price_other_product", "names another product"),
        ("{}", {"latchkey_trial_days": "two"}, "price_trial_invalid", "free days are no number"),
        (None, {}, "price_without_plan", "says nothing about its keys"),
    ],
)
def test_a_price_that_cannot_be_read_is_mended_on_a_form(
    clinic: Clinic, desk: Page, skm: str | None, plan: dict[str, str], code: str, says: str
) -> None:
    price = clinic.sell(skm, plan=plan)
    assert code in [name for name, _severity in catalog_codes(clinic)]
    assert says in desk.get("/StripeDoctor").text
    desk.get(f"/StripeDoctor/Price?id={price.id}")
    desk.submit({"f2": "y", "max_no_of_machines": "3", "quantity": "keys", "trial_days": "14"}).follow()
    assert "The price now says how its keys are made." in desk.text

    now = clinic.v1.prices.retrieve(price.id).metadata.to_dict()
    assert json.loads(now["skm"]) == {"F2": True, "MaxNoOfMachines": 3}
    assert now["latchkey_trial_days"] == "14"
    assert catalog_codes(clinic) == []


def test_a_price_paid_once_of_a_product_whose_licenses_end_gets_its_period_on_the_form(
    clinic: Clinic, desk: Page
) -> None:
    get_product(vendors.get(clinic.vendor_id), 1).all_licenses_time_limited = True
    db.session.commit()
    product = clinic.sell().product
    price = clinic.v1.prices.create({"product": product, "currency": "usd", "unit_amount": 9900})
    assert catalog_codes(clinic) == [("price_without_period", "broken")]
    text = desk.get("/StripeDoctor").text
    assert "its keys would have ended when they are made" in text
    assert "Type a period in days" in text

    desk.get(f"/StripeDoctor/Price?id={price.id}").submit({"period": "365"}).follow()
    assert json.loads(clinic.v1.prices.retrieve(price.id).metadata["skm"]) == {"Period": 365}
    assert catalog_codes(clinic) == []


def test_a_price_that_names_a_product_nobody_has(clinic: Clinic) -> None:
    clinic.sell('{"ProductId": 99}', product_id="")
    assert ("price_unknown_product", "broken") in catalog_codes(clinic)


def test_what_the_form_does_not_show_stays(clinic: Clinic, desk: Page) -> None:
    price = clinic.sell('{"AllowedMachines": "abc", "Block": true, "ProductId": 1, "F1": true}')
    desk.get(f"/StripeDoctor/Price?id={price.id}")
    assert desk.soup.select_one("#f1").has_attr("checked")
    desk.submit({"f1": None}).follow()
    now = json.loads(clinic.v1.prices.retrieve(price.id).metadata["skm"])
    assert now == {"AllowedMachines": "abc", "Block": True, "ProductId": 1}


def test_archived_products_and_products_without_a_price(clinic: Clinic) -> None:
    bare = clinic.v1.products.create({"name": "Bare", "metadata": {"skm_product_id": "1"}})
    assert ("product_without_price", "warning") in catalog_codes(clinic)
    clinic.v1.products.update(bare.id, {"active": False})
    assert ("product_archived", "hint") in catalog_codes(clinic)


def test_ended_products_without_a_word_about_us_are_nobodys_business(clinic: Clinic) -> None:
    clinic.sell()
    other = clinic.v1.products.create({"name": "T-shirt"})
    assert catalog_codes(clinic) == []
    clinic.v1.products.update(other.id, {"active": False})
    assert catalog_codes(clinic) == []


def test_plans_are_read_again_after_a_repair(clinic: Clinic, desk: Page) -> None:
    price = clinic.sell("broken")
    desk.get(f"/StripeDoctor/Price?id={price.id}").submit().follow()
    clinic.work("billing.sync_plans", vendor_id=clinic.vendor_id)
    assert [plan.price_id for plan in plans.list_sold(clinic.vendor_id, False)] == [price.id]
    db.session.rollback()


def test_bad_input_beside_the_field_and_nothing_lost(clinic: Clinic, desk: Page) -> None:
    price = clinic.sell()
    desk.get(f"/StripeDoctor/Price?id={price.id}")
    desk.submit({"trial_days": "731", "notes": "kept", "period": "x"}, status=422)
    assert desk.soup.select_one("#trial_days-e").get_text()
    assert desk.soup.select_one("#period-e").get_text()
    assert desk.soup.select_one("#notes")["value"] == "kept"
    desk.submit({"trial_days": "", "period": "", "notes": "x" * 500}, status=422)
    assert "shorten the notes" in desk.soup.select_one("#notes-e").get_text()


def test_what_stripe_does_not_know_is_not_found(clinic: Clinic, desk: Page) -> None:
    desk.get("/StripeDoctor/Price?id=price_nobody", status=404)
    desk.get("/StripeDoctor/Price", status=404)
    desk.get("/StripeDoctor")
    send(desk, "/Bind", 404, product="prod_nobody", product_id="1")


def test_a_product_of_another_vendor_cannot_be_named(clinic: Clinic, desk: Page, globex: Vendor) -> None:
    vendors.next_ids(globex, "product", 50)
    foreign = make_product(globex)
    db.session.commit()
    price = clinic.sell(None, "")
    desk.get("/StripeDoctor")
    send(desk, "/Bind", product=price.product, product_id=str(foreign.id)).follow()
    assert "Choose one of your products." in desk.text
    assert clinic.v1.products.retrieve(price.product).metadata.to_dict() == {}
