"""Checks of the key: what it may do, which mode, and whether it opens anything."""

from __future__ import annotations

from itertools import count

import pytest

from portal import crypto
from portal.billing import service as billing
from portal.billing.gateway import probes
from portal.billing.models import StripeAccount, StripeCustomer
from portal.extensions import db
from portal.stripe_doctor import report
from portal.vendors.models import Vendor
from tests.factories import make_customer
from tests.stripe_doctor.conftest import Clinic
from tests.support.page import Page

numbers = count(1)
RUN = 'form[action="/StripeDoctor"]'


def restrict(vendor: Vendor) -> None:
    """The vendor enters a restricted key."""
    billing.set_account(vendor, api_key=f"rk_test_doctor{next(numbers):08d}")
    db.session.commit()


def key_codes(clinic: Clinic) -> list[tuple[str, str]]:
    """What a run finds about the key."""
    return [(one.code, one.severity) for one in clinic.run().found if one.group == "key"]


def test_every_permission_that_is_asked_for_is_tried() -> None:
    assert [pair for pair in billing.PERMISSIONS if not probes.is_known(*pair)] == []


def test_an_unrestricted_key_is_a_hint_and_a_restricted_one_is_fine(clinic: Clinic, vendor: Vendor) -> None:
    assert key_codes(clinic) == [("key_unrestricted", "hint")]
    restrict(vendor)
    assert key_codes(clinic) == []


@pytest.mark.parametrize(
    ("method", "path", "name", "level", "severity"),
    [
        ("POST", "/v1/customers", "Customers", "Write", "broken"),
        ("GET", "/v1/disputes", "Disputes", "Read", "broken"),
        ("POST", "/v1/billing_portal", "Customer portal", "Write", "broken"),
        ("POST", "/v1/webhook_endpoints", "Webhook Endpoints", "Write", "hint"),
        ("POST", "/v1/prices", "Prices", "Write", "hint"),
    ],
)
def test_a_missing_permission_is_named_exactly(
    clinic: Clinic, vendor: Vendor, method: str, path: str, name: str, level: str, severity: str
) -> None:
    restrict(vendor)
    clinic.sandbox.accident("forbidden", times=9, method=method, path=path)
    missing = [one for one in clinic.run().found if one.code.startswith("permission")]
    assert [(one.values["name"], one.values["level"], one.severity) for one in missing] == [(name, level, severity)]
    assert len([one for one in clinic.run(quickly=True).found if one.code.startswith("permission")]) == 1
    clinic.calm_down()
    assert key_codes(clinic) == []


def test_a_repair_that_lacks_a_permission_says_which(clinic: Clinic, desk: Page) -> None:
    desk.get("/StripeDoctor").submit(form=RUN).follow()
    clinic.sandbox.accident("forbidden", method="POST", path="/v1/webhook_endpoints")
    desk.submit(form='form[action="/StripeDoctor/Endpoint"]').follow()
    assert "lacks the permission “Webhook Endpoints: Write”" in desk.text
    assert clinic.endpoints() == []


def test_what_the_key_may_not_see_is_not_called_fine(clinic: Clinic) -> None:
    clinic.sandbox.accident("forbidden", times=9, method="GET", path="/v1/customers")
    found = clinic.run()
    assert [one.values for one in found.found if one.code == "not_looked"] == [{"part": "customers"}]
    assert found.steps["emails"] == found.steps["duplicates"] == "unknown"


def test_records_of_the_other_mode_are_counted(clinic: Clinic, vendor: Vendor) -> None:
    assert ("other_mode", "hint") not in key_codes(clinic)
    customer = make_customer(vendor)
    row = {"vendor_id": vendor.id, "customer_id": customer.id, "livemode": True, "state": "linked"}
    db.session.add(StripeCustomer(stripe_id="cus_live1", **row))
    db.session.commit()
    found = clinic.the("other_mode")
    assert (found.values["customers"], found.values["subscriptions"], found.values["livemode"]) == (1, 0, True)


def test_a_key_that_opens_nothing_any_more_is_said_so_and_nothing_is_forgotten(clinic: Clinic, desk: Page) -> None:
    desk.get("/StripeDoctor").submit(form=RUN).follow()
    account = db.session.get(StripeAccount, clinic.vendor_id)
    assert account is not None
    account.api_key = crypto.seal("sk_test_expired1", f"stripe_account:{clinic.vendor_id}:api_key")
    db.session.commit()
    desk.submit(form=RUN).follow()
    assert "Stripe does not accept the API key" in desk.text
    assert "Stripe has no webhook endpoint" in desk.text, "what the last check found stays on the page"


def test_while_stripe_is_away_the_page_says_so_and_shows_what_is_known(clinic: Clinic, desk: Page) -> None:
    desk.get("/StripeDoctor").submit(form=RUN).follow()
    clinic.sandbox.accident("server_error", times=9)
    desk.submit(form=RUN).follow()
    assert "Stripe did not answer" in desk.text
    assert "Stripe has no webhook endpoint" in desk.text
    desk.submit(form='form[action="/StripeDoctor/Endpoint"]').follow()
    assert "Stripe has a problem right now" in desk.text
    last = report.last_of(clinic.vendor_id)
    assert last is not None and (last.state, last.checked_at is not None) == ("away", True)


def test_another_account_is_not_judged_by_what_the_old_one_was_like(clinic: Clinic, vendor: Vendor) -> None:
    clinic.run()
    restrict(vendor)
    assert report.last_of(clinic.vendor_id) is None
