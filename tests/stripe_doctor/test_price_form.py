"""How the keys of a price are made, where its `skm` was not right or says nothing."""

from __future__ import annotations

import json
from typing import Any

from tests.stripe_doctor.conftest import Clinic
from tests.support.page import Page


def sold_once(clinic: Clinic, skm: str) -> Any:
    """A price that is paid once."""
    product = clinic.sell().product
    given = {"product": product, "currency": "usd", "unit_amount": 9900, "metadata": {"skm": skm}}
    return clinic.v1.prices.create(given)


def plan(clinic: Clinic, price: Any) -> dict[str, Any]:
    """What stands at Stripe now."""
    return dict(json.loads(clinic.v1.prices.retrieve(price.id).metadata["skm"]))


def test_what_can_be_read_of_a_broken_plan_is_filled_in(clinic: Clinic, desk: Page) -> None:
    price = sold_once(clinic, "{Period: 30, F1: true}")
    desk.get(f"/StripeDoctor/Price?id={price.id}")
    assert desk.soup.select_one("#period")["value"] == "30"
    assert desk.soup.select_one("#f1").has_attr("checked")
    desk.submit().follow()
    assert plan(clinic, price) == {"Period": 30, "F1": True}


def test_an_empty_form_is_no_plan_until_that_is_confirmed(clinic: Clinic, desk: Page) -> None:
    price = sold_once(clinic, "thirty days")
    desk.get(f"/StripeDoctor/Price?id={price.id}")
    assert desk.soup.select_one("#is_bare") is None
    desk.submit({"notes": "kept"}, status=422)
    assert "Everything above is empty." in desk.soup.select_one("#is_bare-e").get_text()
    assert desk.soup.select_one("#notes")["value"] == "kept"
    assert clinic.v1.prices.retrieve(price.id).metadata["skm"] == "thirty days"

    desk.submit({"is_bare": "y"}).follow()
    assert plan(clinic, price) == {"Notes": "kept"}


def test_a_new_price_paid_once_asks_the_same(clinic: Clinic, desk: Page) -> None:
    desk.get("/StripeDoctor/Product")
    desk.submit({"name": "Once", "product_id": "1", "amount": "9", "currency": "EUR", "interval": ""}, status=422)
    assert "Everything above is empty." in desk.soup.select_one("#is_bare-e").get_text()
    assert desk.soup.select_one("#name")["value"] == "Once"
    desk.submit({"is_bare": "y"}).follow()
    assert len(clinic.v1.products.list().data) == 1
