"""Making a product with a price at Stripe: every field, every limit, and never twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.billing import gateway
from portal.errors import Invalid
from portal.extensions import db
from portal.licenses import create_key
from portal.licenses.create_key import CreateKey
from portal.stripe_doctor import catalog_repair, catalog_rules, repairs
from portal.vendors.models import Vendor
from tests.factories import make_staff
from tests.stripe_doctor.conftest import Clinic
from tests.support import stripe_description
from tests.support.page import Page

FULL = {
    "name": "Render Studio",
    "product_id": "1",
    "description": "Renders.",
    "image_url": "https://cdn.example.com/pictures/studio.PNG",
    "amount": "19.50",
    "currency": "eur",
    "interval": "month",
    "interval_count": "3",
    "tax_behavior": "exclusive",
    "unit_label": "seat",
    "tax_code": "txcd_10103001",
    "statement_descriptor": "RENDER STUDIO",
    "f1": "y",
    "f3": "y",
    "period": "30",
    "max_no_of_machines": "2",
    "quantity": "machines",
    "trial_days": "14",
    "trial_activation": "y",
    "notes": "from the shop",
}


def products(clinic: Clinic) -> list[dict[str, Any]]:
    """What is at Stripe."""
    return [one.to_dict() for one in clinic.v1.products.list().data]


def fill(desk: Page, status: int = 303, **typed: str | None) -> Page:
    """The form with every field filled in, but for these."""
    return desk.get("/StripeDoctor/Product").submit({**FULL, **typed}, status=status)


def test_every_field_arrives_at_stripe(clinic: Clinic, desk: Page) -> None:
    fill(desk).follow()
    assert "The product and its price are at Stripe." in desk.text

    (product,) = products(clinic)
    assert product["id"].startswith("skm_prod_")
    assert product["metadata"] == {"skm_product_id": "1"}
    assert product["images"] == [FULL["image_url"]]
    for name in ("name", "description", "unit_label", "tax_code", "statement_descriptor"):
        assert product[name] == FULL[name]
    price = clinic.v1.prices.retrieve(product["default_price"]).to_dict()
    assert (price["unit_amount"], price["currency"], price["tax_behavior"]) == (1950, "eur", "exclusive")
    assert (price["recurring"]["interval"], price["recurring"]["interval_count"]) == ("month", 3)
    assert price["metadata"]["latchkey_trial_days"] == "14"
    assert json.loads(price["metadata"]["skm"]) == {
        "F1": True,
        "F3": True,
        "Period": 30,
        "MaxNoOfMachines": 2,
        "Notes": "from the shop",
        "TrialActivation": True,
        "quantity": "machines",
    }
    assert not [one for one in clinic.run().found if one.group == "catalog"]
    assert "stripe.product" in list(db.session.scalars(select(AuditEntry.action)))


def test_the_least_that_must_be_typed(clinic: Clinic, desk: Page) -> None:
    typed = dict.fromkeys(FULL, "") | {"name": "Once", "product_id": "1", "amount": "500", "currency": "JPY"}
    ticks = dict.fromkeys(("f1", "f3", "trial_activation")) | {"is_bare": "y"}
    desk.get("/StripeDoctor/Product")
    desk.submit({**typed, **ticks, "interval": "", "tax_behavior": "unspecified", "quantity": "keys"}).follow()
    (product,) = products(clinic)
    price = clinic.v1.prices.retrieve(product["default_price"]).to_dict()
    assert (price["unit_amount"], price["currency"], price["type"]) == (500, "jpy", "one_time")
    assert price["metadata"] == {"skm": "{}"}


def test_sending_the_form_twice_makes_one_product(clinic: Clinic, desk: Page) -> None:
    desk.get("/StripeDoctor/Product")
    form = desk.find_form()
    token = form.select_one("[name=token]")["value"]
    hidden = {one["name"]: one.get("value", "") for one in form.select("input[type=hidden]")}
    desk.post("/StripeDoctor/Product", {**FULL, **hidden})
    desk.post("/StripeDoctor/Product", {**FULL, **hidden}, status=303)
    desk.post("/StripeDoctor/Product", {**FULL, **hidden, "name": "Another"}, status=422)
    assert "This product is at Stripe already." in desk.text
    assert [one["id"] for one in products(clinic)] == [f"skm_prod_{token}"]


def test_an_answer_that_was_lost_makes_no_second_product(clinic: Clinic, desk: Page) -> None:
    clinic.sandbox.accident("lost_reply", method="POST", path="/v1/products")
    fill(desk).follow()
    assert len(products(clinic)) == 1


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("name", ""),
        ("name", "x" * 5001),
        ("description", "x" * 40_001),
        ("image_url", "http://cdn.example.com/a.png"),
        ("image_url", "https://cdn.example.com/a.gif"),
        ("image_url", "https://user:pass@cdn.example.com/a.png"),
        ("image_url", "https://cdn.example.com:8443/a.png"),
        ("image_url", "https://[bad/a.png"),
        ("image_url", "https://cdn.example.com/" + "x" * 2048 + ".png"),
        ("tax_code", "SaaS"),
        ("statement_descriptor", "x" * 23),
        ("statement_descriptor", "<RENDER>"),
        ("statement_descriptor", "JOHN'S"),
        ("statement_descriptor", "12345"),
        ("statement_descriptor", "BÜRO"),
        ("unit_label", "thirteen long"),
        ("amount", ""),
        ("amount", "-1"),
        ("amount", "1.999"),
        ("amount", "ten"),
        ("amount", "99999999"),
        ("currency", "E1R"),
        ("currency", ""),
        ("interval", "century"),
        ("interval_count", "37"),
        ("interval_count", "0"),
        ("tax_behavior", "free"),
        ("product_id", "99"),
        ("period", "36501"),
        ("period", "soon"),
        ("max_no_of_machines", "-1"),
        ("quantity", "both"),
        ("notes", "x" * 501),
        ("trial_days", "731"),
    ],
)
def test_what_stripe_would_refuse_is_refused_beside_its_field(clinic: Clinic, desk: Page, field: str, bad: str) -> None:
    fill(desk, status=422, **{field: bad})
    assert desk.soup.select_one(f"#{field}-e").get_text().strip()
    assert [one.get("id") for one in desk.soup.select(".err")] == [f"{field}-e"], "nothing else is complained about"
    kept = desk.soup.select_one("#name")["value"]
    assert kept == (bad if field == "name" else "Render Studio"), "nothing is lost"
    assert products(clinic) == []


@pytest.mark.parametrize(
    ("field", "good"),
    [
        ("name", "x" * 5000),
        ("statement_descriptor", "x" * 22),
        ("unit_label", "x" * 12),
        ("interval_count", "36"),
        ("amount", "999999.99"),
        ("amount", "0"),
        ("trial_days", "730"),
    ],
)
def test_the_limit_itself_is_taken(clinic: Clinic, desk: Page, field: str, good: str) -> None:
    fill(desk, **{field: good}).follow()
    assert len(products(clinic)) == 1


def test_a_description_is_as_long_as_stripe_takes_it(clinic: Clinic, desk: Page) -> None:
    fill(desk, description="x" * 40_000).follow()
    (product,) = products(clinic)
    assert product["description"] == "x" * 40_000
    # Stripe describes 40,000 characters for what it takes, but 5,000 for what it answers.
    problems = clinic.sandbox.judge.problems
    problems[:] = [one for one in problems if "x" * 100 not in one]


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("name", catalog_rules.LONGEST_NAME),
        ("description", catalog_rules.LONGEST_DESCRIPTION),
        ("statement_descriptor", catalog_rules.LONGEST_DESCRIPTOR),
        ("unit_label", catalog_rules.LONGEST_UNIT),
    ],
)
def test_the_limits_are_those_of_stripes_description(name: str, most: int) -> None:
    assert stripe_description.request_schema("post", "/v1/products")["properties"][name]["maxLength"] == most


def test_free_days_need_a_subscription(clinic: Clinic, desk: Page) -> None:
    fill(desk, status=422, interval="", interval_count="")
    assert "Only a subscription has free days." in desk.soup.select_one("#trial_days-e").get_text()


@pytest.mark.parametrize(
    ("param", "field"),
    [("default_price_data[currency]", "currency"), ("images[0]", "image_url"), ("shippable", None)],
)
def test_stripes_own_refusal_stands_beside_the_field(app: Any, param: str, field: str | None) -> None:
    with pytest.raises(Invalid) as caught, repairs.writing("Products", catalog_repair.STRIPES_NAMES):
        raise gateway.Refused("No.", code="parameter_invalid", param=param, detail="Invalid currency: xyz")
    assert (caught.value.message, caught.value.field) == ("Stripe does not accept this: Invalid currency: xyz", field)


def test_a_form_without_its_token_is_refused_and_kept(clinic: Clinic, desk: Page) -> None:
    fill(desk, status=422, token="../../etc")
    assert "cannot be sent again" in desk.text
    fill(desk, status=400, csrf_token="bad")
    assert desk.soup.select_one("#name")["value"] == "Render Studio"


def test_without_products_the_page_says_what_comes_first(page: Page, acme: Vendor) -> None:
    page.sign_in(make_staff(acme, "admin"), vendor=acme)
    assert "First create the product whose licenses you sell." in page.get("/StripeDoctor/Product").text


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("19", "usd", 1900), ("19,5", "eur", 1950), ("500", "jpy", 500), ("1.230", "kwd", 1230), ("0.01", "usd", 1)],
)
def test_amounts_are_counted_as_stripe_counts_them(app: Any, text: str, currency: str, minor: int) -> None:
    assert catalog_rules.minor_units(text, currency) == minor


@pytest.mark.sqlite_only
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.builds(
        CreateKey,
        product_id=st.none() | st.integers(1, 2**31 - 1),
        period=st.integers(0, 36500),
        features=st.dictionaries(st.sampled_from(["f1", "f4", "f8"]), st.just(True)),
        notes=st.text('aZ 9"\\{}:,é漢😀', max_size=30),
        block=st.booleans(),
        trial_activation=st.booleans(),
        max_no_of_machines=st.integers(-1, 10_000),
        quantity=st.sampled_from(["keys", "machines"]),
    )
)
def test_what_is_written_to_a_price_reads_as_the_same_key(key: CreateKey) -> None:
    assert create_key.parse(create_key.write(key)) == key
