"""What is known of our webhook endpoint at Stripe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from portal import clock
from portal.billing.gateway import STRIPE_API_VERSION
from portal.extensions import db
from portal.webhooks import endpoint
from portal.webhooks.endpoint import WANTED, EndpointHealth
from portal.webhooks.event_types import HANDLED
from tests.stripe_doctor.conftest import Clinic


def register(clinic: Clinic, **more: Any) -> Any:
    """An endpoint with our address, right unless something else is said."""
    right = {
        "url": endpoint.url_of(clinic.vendor_id),
        "enabled_events": list(WANTED),
        "api_version": STRIPE_API_VERSION,
    }
    return clinic.v1.webhook_endpoints.create(right | more)


def checked(clinic: Clinic) -> EndpointHealth:
    """What a check finds."""
    return endpoint.check_endpoint(clinic.source())


def test_nothing_is_known_before_the_first_check(clinic: Clinic) -> None:
    found = endpoint.health_of(clinic.vendor_id)
    assert (found.state, found.checked_at) == ("unknown", None)
    assert found.url == f"http://localhost/api/subscription/StripeUrl?id={clinic.vendor_id}"


def test_an_endpoint_nobody_made_is_missing(clinic: Clinic) -> None:
    register(clinic, url="https://elsewhere.example/hook")
    register(clinic, url=endpoint.url_of(clinic.vendor_id + 1))
    assert checked(clinic).state == "missing"


def test_the_right_endpoint_is_fine_and_remembered(clinic: Clinic) -> None:
    made = register(clinic)
    found = checked(clinic)
    assert (found.state, found.endpoint_id, found.missing_types, found.duplicates) == ("ok", made.id, (), ())

    endpoint.keep(clinic.vendor_id, found)
    db.session.commit()
    assert endpoint.health_of(clinic.vendor_id) == replace(found, ok_since=found.checked_at)

    endpoint.keep(clinic.vendor_id, replace(found, checked_at=clock.now()))
    assert endpoint.health_of(clinic.vendor_id).ok_since == found.checked_at
    endpoint.keep(clinic.vendor_id, replace(found, state=endpoint.DISABLED))
    assert endpoint.health_of(clinic.vendor_id).ok_since is None


def test_all_events_are_our_events_too(clinic: Clinic) -> None:
    register(clinic, enabled_events=["*"])
    assert checked(clinic).state == "ok"


@pytest.mark.parametrize(
    ("wrong", "state"),
    [
        ({"enabled_events": ["invoice.paid"]}, "wrong_events"),
        ({"api_version": "2025-03-31.basil"}, "wrong_version"),
        ({"api_version": None}, "wrong_version"),
    ],
)
def test_an_endpoint_that_does_not_tell_us_all_is_found_out(clinic: Clinic, wrong: dict[str, Any], state: str) -> None:
    register(clinic, **wrong)
    found = checked(clinic)
    assert found.state == state
    assert set(found.missing_types) == (HANDLED - {"invoice.paid"} if state == "wrong_events" else set())


def test_a_disabled_endpoint_is_found_out(clinic: Clinic) -> None:
    made = register(clinic)
    clinic.v1.webhook_endpoints.update(made.id, {"disabled": True})
    assert checked(clinic).state == "disabled"


def test_of_several_with_our_address_the_best_one_counts(clinic: Clinic) -> None:
    off = register(clinic)
    clinic.v1.webhook_endpoints.update(off.id, {"disabled": True})
    few = register(clinic, enabled_events=["invoice.paid"])
    right = register(clinic, url=endpoint.url_of(clinic.vendor_id).replace("StripeUrl?", "stripeurl/?"))
    found = checked(clinic)
    assert (found.state, found.endpoint_id) == ("ok", right.id)
    assert set(found.duplicates) == {off.id, few.id}


def test_an_unanswered_question_does_not_replace_an_answer(clinic: Clinic) -> None:
    register(clinic)
    endpoint.keep(clinic.vendor_id, checked(clinic))
    db.session.commit()
    clinic.sandbox.accident("server_error", times=5, path="/v1/webhook_endpoints")
    found = checked(clinic)
    assert found.state == "unknown"
    endpoint.keep(clinic.vendor_id, found)
    db.session.commit()
    assert endpoint.health_of(clinic.vendor_id).state == "ok"
