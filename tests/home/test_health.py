"""What the operator's tools ask."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import clock
from portal.extensions import db
from portal.outbox import service as outbox
from tests.support.page import Page


def queue(acme) -> None:
    outbox.queue_job("no_such_job", vendor_id=acme.id)
    db.session.commit()


def test_the_process_answers_under_any_host(page):
    page.get("/healthz", base_url="http://10.1.2.3:8000")
    assert page.response.get_data(as_text=True) == "ok\n"
    page.get("/readyz", base_url="http://10.1.2.3:8000")
    page.get("/metrics", base_url="http://10.1.2.3:8000")


def test_other_pages_still_refuse_a_foreign_host(page):
    page.get("/SignIn", base_url="http://10.1.2.3:8000", status=400)


def test_ready_says_what_was_looked_at_to_this_machine_only(app, page, acme):
    queue(acme)
    clock.move(timedelta(minutes=6))
    page.get("/readyz")
    facts = page.response.json
    assert facts["ready"] and facts["checks"] == {"database": True, "schema": True}
    assert facts["queue"]["waiting"] == 1
    assert facts["warnings"] == ["the queue is not being worked off"]

    for elsewhere in (
        {"environ_overrides": {"REMOTE_ADDR": "192.0.2.9"}},
        {"headers": {"X-Forwarded-For": "192.0.2.9"}},
    ):
        page.get("/readyz", **elsewhere)
        assert page.response.json == {"ready": True}


def test_not_ready_while_migrations_wait(app, page, monkeypatch):
    from portal import schema

    monkeypatch.setattr(schema, "head", lambda: "9999")
    page.get("/readyz", status=503)
    assert page.response.json["checks"] == {"database": True, "schema": False}


def test_metrics_show_the_queue_to_this_machine_only(page, acme):
    queue(acme)
    page.get("/metrics")
    assert 'latchkey_outbox_items{state="waiting"} 1.0' in page.response.get_data(as_text=True)
    page.get("/metrics", environ_overrides={"REMOTE_ADDR": "192.0.2.9"}, status=403)


@pytest.mark.parametrize(("given", "status"), [("Bearer let-me-read", 200), ("Bearer let-me-reaD", 403), ("", 403)])
def test_metrics_are_for_the_bearer_of_the_token(database_url, tmp_path, given, status):
    from tests.support import databases

    app = databases.make_app(database_url, tmp_path, LATCHKEY_METRICS_TOKEN="let-me-read")
    elsewhere = {"environ_overrides": {"REMOTE_ADDR": "192.0.2.9"}, "headers": {"Authorization": given}}
    with app.app_context():
        Page(app).get("/metrics", status=status, **elsewhere)


def test_without_a_path_production_and_tests_lead_to_signing_in(page):
    page.get("/", status=303)
    assert page.location == "/SignIn"
