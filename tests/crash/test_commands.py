"""The commands themselves, with failpoints in their environment."""

from __future__ import annotations

import json
import re
import signal
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from portal import clock
from portal.billing import service as billing
from portal.extensions import db
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem
from portal.vendors.models import Vendor
from portal.webhooks.models import StripeEvent
from tests.cli.processes import started
from tests.support import databases
from tests.webhooks import letters

__all__ = ["started"]  # a fixture


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Settings of the commands."""
    return databases.environment(database_url, tmp_path)


def test_a_server_that_dies_before_it_answers_has_stored_the_event_once(started, environment, acme: Vendor) -> None:
    billing.set_account(acme, webhook_secrets=[letters.SECRET])
    db.session.commit()
    wishes = {"LATCHKEY_FAILPOINTS": "webhooks.door.after_commit=kill@2"}
    process = started("serve", "--port", "0", "--workers", "2", **environment, **wishes)
    found = re.search(r"http://\S+:[0-9]+", process.stderr.readline())
    assert found
    door = f"{found[0]}/api/subscription/StripeUrl?id={acme.id}"
    db.session.commit()
    bodies = [letters.event() for _ in range(5)]
    statuses = []
    for body in bodies:
        until = clock.monotonic() + 20
        while (status := _post(door, body)) != 200:
            assert clock.monotonic() < until, statuses
            statuses.append(status)

    db.session.rollback()
    stored = list(db.session.scalars(select(StripeEvent.event_id)))
    assert set(statuses) == {0}
    assert sorted(stored) == sorted(json.loads(body)["id"] for body in bodies)


def _post(url: str, body: bytes) -> int:
    """Deliver as Stripe does; 0 where nobody answered."""
    headers = {"Stripe-Signature": letters.signature(body), "Host": "localhost", "Connection": "close"}
    try:
        return requests.post(url, data=body, headers=headers, timeout=10).status_code
    except requests.RequestException:
        return 0


def test_a_mail_that_was_sent_and_not_noted_comes_again_under_its_message_id(
    started, environment, acme: Vendor, tmp_path: Path
) -> None:
    outbox.queue_mail("license_issued", "ada@mail.example", vendor_id=acme.id, product="", key="", until="", because="")
    db.session.commit()
    dies = started("worker", "--once", **environment, LATCHKEY_FAILPOINTS="worker.mail.after_send=kill")
    assert dies.wait(60) == -signal.SIGKILL
    (first,) = tmp_path.glob("*.eml")
    assert _item().state == "waiting"

    first.unlink()
    item = _item()
    item.lease_until = clock.now() - timedelta(seconds=1)
    db.session.commit()
    assert started("worker", "--once", **environment).wait(60) == 0

    assert _item().state == "done"
    assert [again.name for again in tmp_path.glob("*.eml")] == [first.name]  # the name holds the Message-ID


def _item() -> OutboxItem:
    db.session.rollback()
    return db.session.scalars(select(OutboxItem).filter_by(kind="mail")).one()
