"""The way from what is to do to its fix, and what the form for a new product knows already."""

from __future__ import annotations

from portal.billing.models import Plan
from portal.extensions import db
from portal.licenses.service import get_product
from portal.vendors import service as vendors
from tests.factories import make_product
from tests.stripe_doctor.conftest import Clinic
from tests.support.page import Page


def test_each_step_to_do_leads_to_its_fix_on_the_page(clinic: Clinic, desk: Page) -> None:
    clinic.run()
    desk.get("/StripeDoctor")
    rows = [row for row in desk.soup.select("#checklist li") if "to do" in row.get_text()]
    assert len(rows) >= 3
    for row in rows:
        assert desk.soup.select_one(f"section{row.select_one('a')['href']}, div{row.select_one('a')['href']}"), row


def test_a_new_price_is_in_the_currency_of_most_others(clinic: Clinic, desk: Page) -> None:
    assert desk.get("/StripeDoctor/Product").soup.select_one("#currency")["value"] == "USD"
    for number, currency in enumerate(("eur", "usd", "eur")):
        place = {"vendor_id": clinic.vendor_id, "livemode": False, "stripe_product_id": "prod_1"}
        db.session.add(Plan(**place, price_id=f"price_{number}", currency=currency))
    db.session.commit()
    assert desk.get("/StripeDoctor/Product").soup.select_one("#currency")["value"] == "EUR"


def test_features_are_called_as_the_product_calls_them(clinic: Clinic, desk: Page) -> None:
    vendor = vendors.get(clinic.vendor_id)
    get_product(vendor, 1).feature_definitions = {"f1": {"name": "Colour", "type": 0}}
    db.session.commit()
    assert label(desk.get("/StripeDoctor/Product")) == "F1 · Colour"

    make_product(vendor, "Paint Box", feature_definitions={"f1": {"name": "Layers", "type": 0}})
    db.session.commit()
    assert label(desk.get("/StripeDoctor/Product")) == "F1 · Layers (Paint Box), Colour (Widget Studio)"
    desk.submit({"product_id": "2"}, status=422)
    assert label(desk) == "F1 · Layers"


def label(desk: Page) -> str:
    """What stands beside the first feature."""
    return str(desk.soup.select_one("label[for=f1]").get_text())
