"""Checks of the endpoint and of what arrives, and their repairs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from portal import clock
from portal.billing import service as billing
from portal.billing.gateway import STRIPE_API_VERSION
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.stripe_doctor import endpoint_repair
from portal.webhooks import endpoint
from portal.webhooks.endpoint import WANTED
from tests.stripe_doctor.conftest import Clinic, press
from tests.stripe_doctor.test_endpoint import register
from tests.support.page import Page

SECRET = "whsec_typed0123456789"


def secrets_of(clinic: Clinic) -> tuple[str, ...]:
    """The signing secrets in our table."""
    db.session.rollback()
    account = db.session.get(StripeAccount, clinic.vendor_id)
    assert account is not None
    return billing.opened_secrets(clinic.vendor_id, account.webhook_secrets)


def type_secret(clinic: Clinic) -> None:
    """A signing secret was entered by hand."""
    from portal.vendors import service as vendors

    billing.set_account(vendors.get(clinic.vendor_id), webhook_secrets=[SECRET])
    db.session.commit()


def webhook_codes(clinic: Clinic) -> set[str]:
    """What a run finds about webhooks."""
    return {one.code for one in clinic.run().found if one.group == "webhooks"}


def test_a_missing_endpoint_is_made_and_its_events_are_taken(clinic: Clinic, desk: Page) -> None:
    assert webhook_codes(clinic) == {"endpoint_missing"}
    press(desk, "Endpoint")
    assert webhook_codes(clinic) == set()

    (made,) = clinic.endpoints()
    assert (made.api_version, set(made.enabled_events)) == (STRIPE_API_VERSION, set(WANTED))
    account = db.session.get(StripeAccount, clinic.vendor_id)
    assert account is not None and account.endpoint_id == made.id
    clinic.sandbox.connect("http://localhost", desk.app)
    clinic.shop.subscribe(clinic.shop.customer())
    db.session.commit()
    assert clinic.deliver() == {200}, "the stored secret is the endpoint's"
    clinic.move(hours=1)
    assert webhook_codes(clinic) == set()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"enabled_events": ["invoice.paid", "payout.paid"]}, "endpoint_wrong_events"),
        ({"api_version": "2025-03-31.basil"}, "endpoint_wrong_version"),
        ({"disabled": True}, "endpoint_disabled"),
    ],
)
def test_a_wrong_endpoint_is_mended_with_one_click(
    clinic: Clinic, desk: Page, wrong: dict[str, Any], code: str
) -> None:
    type_secret(clinic)
    made = register(clinic, **{name: value for name, value in wrong.items() if name != "disabled"})
    if wrong.get("disabled"):
        clinic.v1.webhook_endpoints.update(made.id, {"disabled": True})
    assert webhook_codes(clinic) == {code}
    press(desk, "Endpoint")
    assert webhook_codes(clinic) == set()

    (now,) = clinic.endpoints()
    assert (now.id == made.id) == (code != "endpoint_wrong_version"), "only a version cannot be changed"
    if code == "endpoint_wrong_events":
        assert set(now.enabled_events) == {*WANTED, "payout.paid"}, "what the vendor had asked for stays"
    if now.id != made.id:
        assert secrets_of(clinic)[1:] == (SECRET,), "the old secret stays good beside the new one"


def test_an_endpoint_whose_secret_nobody_stored_is_made_anew(clinic: Clinic, desk: Page) -> None:
    made = register(clinic)
    assert webhook_codes(clinic) == {"secret_missing"}
    press(desk, "Endpoint", what="anew")
    assert webhook_codes(clinic) == set()
    assert [one.id for one in clinic.endpoints()] != [made.id]
    assert len(secrets_of(clinic)) == 1


def test_a_secret_of_another_endpoint_is_found_out(clinic: Clinic, desk: Page) -> None:
    clinic.run()
    press(desk, "Endpoint")
    (ours,) = clinic.endpoints()
    clinic.v1.webhook_endpoints.delete(ours.id)
    register(clinic)
    assert webhook_codes(clinic) == {"secret_of_another"}
    press(desk, "Endpoint", what="anew")
    assert webhook_codes(clinic) == set()


def test_duplicates_are_deleted_and_the_one_in_use_stays(clinic: Clinic, desk: Page) -> None:
    clinic.run()
    press(desk, "Endpoint")
    (ours,) = clinic.endpoints()
    register(clinic)
    assert webhook_codes(clinic) == {"endpoint_duplicate"}
    press(desk, "Endpoint", what="tidy")
    assert webhook_codes(clinic) == set()
    assert [one.id for one in clinic.endpoints()] == [ours.id]


def test_a_wrong_secret_shows_by_what_stripe_could_not_deliver(clinic: Clinic, desk: Page) -> None:
    type_secret(clinic)
    register(clinic)
    clinic.sandbox.connect("http://localhost", desk.app)
    clinic.shop.subscribe(clinic.shop.customer())
    db.session.commit()
    assert clinic.deliver() == {400}
    assert webhook_codes(clinic) == set(), "Stripe may still be trying"
    clinic.move(minutes=11)
    assert webhook_codes(clinic) == {"undelivered"}

    register(clinic, url="https://elsewhere.example/hook")
    assert webhook_codes(clinic) == {"undelivered_somewhere"}, "the other endpoint may be meant"
    press(desk, "Endpoint", what="anew")
    assert webhook_codes(clinic) == set()


def test_events_that_nobody_fetched_are_missed_until_the_sweep_came_round(clinic: Clinic, desk: Page) -> None:
    clinic.run()
    press(desk, "Endpoint")
    clinic.shop.subscribe(clinic.shop.customer())
    clinic.move(minutes=31)
    assert "events_behind" in webhook_codes(clinic)
    clinic.work("webhooks.sweep_events", vendor_id=clinic.vendor_id)
    assert "events_behind" not in webhook_codes(clinic)


@pytest.mark.parametrize(
    ("seconds", "code", "severity"),
    [(59, None, ""), (90, "clock_fast", "warning"), (302, "clock_fast", "broken"), (-302, "clock_slow", "broken")],
)
def test_the_clock_is_compared_with_stripes(clinic: Clinic, seconds: int, code: str | None, severity: str) -> None:
    clock.move(timedelta(seconds=seconds))
    found = [one for one in clinic.run().found if one.code.startswith("clock")]
    assert [(one.code, one.severity) for one in found] == ([(code, severity)] if code else [])


def test_a_secret_is_never_lost_when_the_answer_is(clinic: Clinic) -> None:
    clinic.sandbox.accident("lost_reply", method="POST", path="/v1/webhook_endpoints")
    db.session.rollback()
    endpoint_repair.mend(clinic.vendor_id)
    db.session.commit()
    assert len(clinic.endpoints()) == 1
    assert webhook_codes(clinic) == set()


def test_an_answer_that_stripe_repeats_for_a_day_does_not_stop_the_repair(clinic: Clinic) -> None:
    clinic.sandbox.accident("server_error_after_commit", method="POST", path="/v1/webhook_endpoints")
    db.session.rollback()
    endpoint_repair.mend(clinic.vendor_id)
    db.session.commit()
    clinic.calm_down()
    assert webhook_codes(clinic) <= {"endpoint_duplicate"}
    assert len(secrets_of(clinic)) == 1


def test_a_worker_killed_before_storing_finds_the_same_secret_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def die(vendor_id: int, found: Any) -> None:
        made.append(found)
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(endpoint_repair, "_store", die)
        broken.setattr(endpoint_repair.endpoints, "delete_endpoint", lambda *given: None)
        db.session.rollback()
        with pytest.raises(SystemExit):
            endpoint_repair.mend(clinic.vendor_id)
    db.session.rollback()
    endpoint_repair.mend(clinic.vendor_id)
    db.session.commit()
    assert [one.id for one in clinic.endpoints()] == [made[0].id]
    assert secrets_of(clinic) == (made[0].secret,)


def test_an_endpoint_whose_secret_cannot_be_stored_is_taken_back(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(vendor_id: int, found: Any) -> None:
        raise OperationalError("insert", {}, Exception("the disk is full"))

    monkeypatch.setattr(endpoint_repair, "_store", fail)
    db.session.rollback()
    with pytest.raises(OperationalError):
        endpoint_repair.mend(clinic.vendor_id)
    assert clinic.endpoints() == []


def test_the_secret_is_shown_and_logged_nowhere(clinic: Clinic, desk: Page, capfd: pytest.CaptureFixture[str]) -> None:
    clinic.run()
    press(desk, "Endpoint")
    press(desk, "Endpoint") if desk.soup.select('form[action="/StripeDoctor/Endpoint"]') else None
    (secret,) = secrets_of(clinic)
    account = db.session.get(StripeAccount, clinic.vendor_id)
    assert account is not None
    seen = [desk.html, desk.get("/StripeDoctor").html, desk.get("/Audit").html, desk.get("/User/Profile").html]
    seen += [account.health, account.webhook_secrets, *capfd.readouterr()]
    assert not [text for text in seen if secret in text]
    assert json.loads(account.health)["endpoint"]["state"] == "ok"
    assert endpoint.health_of(clinic.vendor_id).is_ok
