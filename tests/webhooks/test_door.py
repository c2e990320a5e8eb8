"""The door for Stripe: what is stored, what is refused, and that nothing is said before it is stored."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from portal import clock, crypto, failpoints
from portal.billing import service as billing
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.vendors.models import Vendor
from portal.webhooks import inbox
from portal.webhooks.models import StripeEvent
from tests.support.page import Page
from tests.webhooks.letters import SECRET, deliver, event, signature

NEWER = "whsec_second987654321"


@pytest.fixture(autouse=True, params=["short way", "view"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways in: of a vendor whose account was read this very moment, and of one that nobody remembers."""
    found = inbox.find_endpoint if request.param == "short way" else lambda text: None
    monkeypatch.setattr(inbox, "remembered_endpoint", found)


@pytest.fixture
def vendor(acme: Vendor) -> Vendor:
    """Acme, with two signing secrets while Stripe rolls one."""
    billing.set_account(acme, webhook_secrets=[NEWER, SECRET])
    db.session.commit()
    return acme


def stored() -> list[StripeEvent]:
    """The inbox."""
    db.session.rollback()
    return list(db.session.scalars(select(StripeEvent).order_by(StripeEvent.id)))


@pytest.mark.parametrize("secret", [SECRET, NEWER])
def test_a_genuine_event_is_stored_and_acknowledged(page: Page, vendor: Vendor, secret: str) -> None:
    body = event("invoice.paid", {"id": "in_1", "parent": {"subscription_details": {"subscription": "sub_7"}}})

    answer = deliver(page, body, vendor.id, signature(body, secret))

    assert answer.status_code == 200
    assert json.loads(answer.data) == {"received": True, "result": 0, "message": ""}
    (row,) = stored()
    assert (row.vendor_id, row.type, row.object_id, row.subject) == (vendor.id, "invoice.paid", "in_1", "sub_7")
    assert (row.state, row.attempts, row.livemode) == ("received", 0, False)
    assert row.created_at.timestamp() == json.loads(body)["created"]
    assert crypto.open_sealed(row.raw, inbox.place(vendor.id, row.sha256)).encode() == body


def test_nothing_is_said_before_it_is_committed(page: Page, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    number, body = vendor.id, event()
    db.session.commit()
    reached: list[str] = []

    def refuse(name: str) -> None:
        reached.append(name)
        if name == "webhooks.door.before_commit":
            raise OSError("the disk is full")

    monkeypatch.setattr(failpoints, "reach", refuse)
    answer = deliver(page, body, number)

    assert reached[-1] == "webhooks.door.before_commit"
    assert answer.status_code == 500
    assert stored() == []


def test_a_repetition_is_acknowledged_and_stored_once(page: Page, vendor: Vendor) -> None:
    body = event()

    for _ in range(3):
        assert deliver(page, body, vendor.id).status_code == 200

    assert len(stored()) == 1


def test_another_body_under_the_same_id_is_kept_beside_the_first(page: Page, vendor: Vendor) -> None:
    deliver(page, event(id="evt_same"), vendor.id)
    deliver(page, event(id="evt_same", pending_webhooks=1), vendor.id)

    assert [row.event_id for row in stored()] == ["evt_same", "evt_same"]


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_stamp_too_far_away_is_refused_both_ways(page: Page, vendor: Vendor, seconds: int) -> None:
    body = event()

    assert deliver(page, body, vendor.id, signature(body, at=clock.unix() + seconds)).status_code == 400
    assert stored() == []


@pytest.mark.parametrize("header", ["", "t=1", "v1=ab", "t=x,v1=ab", "t=1,v1=é", "t=-1,v1=", "," * 5000])
def test_a_malformed_signature_is_refused(page: Page, vendor: Vendor, header: str) -> None:
    answer = deliver(page, event(), vendor.id, header)

    assert answer.status_code == 400
    assert json.loads(answer.data)["result"] == 1
    assert stored() == []


def test_a_foreign_secret_and_a_changed_body_are_refused(page: Page, vendor: Vendor) -> None:
    body = event()

    assert deliver(page, body, vendor.id, signature(body, "whsec_foreign")).status_code == 400
    assert deliver(page, body + b" ", vendor.id, signature(body)).status_code == 400
    assert deliver(page, body, vendor.id, signature(body, "")).status_code == 400
    assert stored() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 10_000,
        b"{}",
        b'{"id": 7, "type": "invoice.paid"}',
        b'{"id": "evt_1", "type": null}',
        b'{"id": "evt_\\u0000", "type": "invoice.paid"}',
        b'{"id": "evt_\\ud800", "type": "invoice.paid"}',
        b'{"id": "evt_1", "type": "' + b"a" * 121 + b'"}',
    ],
)
def test_a_genuine_body_that_is_no_event_is_refused(page: Page, vendor: Vendor, body: bytes) -> None:
    assert deliver(page, body, vendor.id).status_code == 400
    assert stored() == []


@pytest.mark.parametrize("data", [None, [], "x", {}, {"object": None}, {"object": {"id": 5, "metadata": []}}])
def test_odd_parts_of_an_event_do_no_harm(page: Page, vendor: Vendor, data: object) -> None:
    body = event("invoice.paid", data=data, created="soon", livemode="no", account=5)

    assert deliver(page, body, vendor.id).status_code == 200
    (row,) = stored()
    assert (row.object_id, row.subject, row.livemode, row.account) == ("", "", None, "")


def test_only_a_body_up_to_one_mebibyte_is_taken(page: Page, vendor: Vendor) -> None:
    fitting = event(padding="")
    fitting = event(padding="x" * (1024 * 1024 - len(fitting)))
    assert len(fitting) == 1024 * 1024

    assert deliver(page, fitting, vendor.id).status_code == 200
    assert deliver(page, fitting + b" ", vendor.id).status_code == 413
    assert len(stored()) == 1


@pytest.mark.parametrize("number", ["", "0", "-1", "x", "٣", "99999", "2147483648", "9" * 300, "1%00"])
def test_an_unknown_vendor_has_no_door(page: Page, vendor: Vendor, number: str) -> None:
    assert deliver(page, event(), number).status_code == 404


def test_a_vendor_without_a_secret_takes_nothing(page: Page, vendor: Vendor, globex: Vendor) -> None:
    assert deliver(page, event(), globex.id).status_code == 400
    assert deliver(page, event(), globex.id, signature(b"", "")).status_code == 400
    assert stored() == []


def test_each_vendor_has_its_own_secret(page: Page, vendor: Vendor, globex: Vendor) -> None:
    billing.set_account(globex, webhook_secrets=["whsec_globex"])
    body = event()

    assert deliver(page, body, globex.id).status_code == 400
    assert deliver(page, body, globex.id, signature(body, "whsec_globex")).status_code == 200
    assert [row.vendor_id for row in stored()] == [globex.id]


def test_events_of_another_mode_account_or_installation_are_left_alone(page: Page, vendor: Vendor) -> None:
    account = db.session.get(StripeAccount, vendor.id)
    assert account is not None
    account.livemode, account.account_id, account.instance = False, "acct_mine", "mine"
    foreign = {"id": "in_1", "parent": {"subscription_details": {"metadata": {"latchkey_instance": "theirs"}}}}
    older = {"id": "in_1", "subscription_details": {"metadata": {"latchkey_instance": "theirs"}}}
    mine = {"id": "sub_1", "metadata": {"latchkey_instance": "mine"}}
    bodies = [event(livemode=True), event(account="acct_theirs"), event("invoice.paid", foreign)]
    bodies += [event("invoice.paid", older), event(shown=mine, account="acct_mine"), event(shown={"id": "sub_2"})]

    assert [deliver(page, body, vendor.id).status_code for body in bodies] == [200] * 6
    assert [row.state for row in stored()] == ["ignored"] * 4 + ["received"] * 2


def test_unknown_types_are_acknowledged_and_done(page: Page, vendor: Vendor) -> None:
    assert deliver(page, event("balance.available", {"object": "balance"}), vendor.id).status_code == 200
    assert deliver(page, event("v9.core.surprise"), vendor.id).status_code == 200
    assert [row.state for row in stored()] == ["done", "done"]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "odd"])
def test_the_body_is_never_parsed_as_a_form(page: Page, vendor: Vendor, kind: str) -> None:
    assert deliver(page, event(), vendor.id, content_type=kind).status_code == 200
    assert len(stored()) == 1


def test_only_post_is_answered(page: Page, vendor: Vendor) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = page.client.open(f"/api/subscription/StripeUrl?id={vendor.id}", method=method)
        assert answer.status_code == 405


@pytest.mark.parametrize(
    ("kind", "shown", "subject"),
    [
        ("invoice.paid", {"id": "in_1", "subscription": "sub_old"}, "sub_old"),
        ("invoice.paid", {"id": "in_1", "subscription": {"id": "sub_old"}}, "sub_old"),
        ("invoice.paid", {"id": "in_1", "parent": None}, "in_1"),
        ("checkout.session.completed", {"id": "cs_1", "subscription": "sub_2"}, "sub_2"),
        ("checkout.session.completed", {"id": "cs_1", "subscription": None}, "cs_1"),
        ("charge.refunded", {"id": "ch_1", "payment_intent": "pi_1"}, "pi_1"),
        ("charge.dispute.created", {"id": "dp_1", "payment_intent": "pi_1"}, "pi_1"),
        ("refund.updated", {"id": "re_1", "payment_intent": {"id": "pi_1"}}, "pi_1"),
        ("customer.deleted", {"id": "cus_1"}, "cus_1"),
    ],
)
def test_the_subject_is_found_in_every_shape(
    page: Page, vendor: Vendor, kind: str, shown: dict[str, object], subject: str
) -> None:
    deliver(page, event(kind, shown), vendor.id)

    assert [row.subject for row in stored()] == [subject]
