"""What must be true when all is calm, counted from both sides: nothing lost, nothing twice, nothing left over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.billing.models import Order
from portal.extensions import db
from portal.fulfillment.models import PaidUnit, Purchase
from portal.licenses.models import License
from portal.outbox.models import OutboxItem
from portal.webhooks.models import StripeEvent
from tests.crash.scene import Expected, Scene

GRACE = timedelta(days=3)
MAILS_OF = {"issued": "license_issued", "extended": "license_extended", "blocked": "license_blocked"}


@dataclass
class Verdict:
    """What was found. resent: mails that came twice under one Message-ID, which is documented and no fault."""

    acknowledged: int = 0
    resent: int = 0
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.double or self.wrong)


def judge(scene: Scene) -> Verdict:
    """Look at everything."""
    found = Verdict()
    with scene.lane.database():
        _judge_events(scene, found)
        for stripe_id, expected in scene.expected.items():
            _judge_purchase(scene, stripe_id, expected, found)
        _judge_order(scene, found)
        _judge_licenses(found)
        _judge_mails(scene, found)
        db.session.rollback()
    return found


def _judge_events(scene: Scene, found: Verdict) -> None:
    """Every event that was answered with 200 is in the inbox, worked off."""
    answers = [json.loads(line) for line in scene.lane.answers.read_text().splitlines()]
    taken = {answer["sha256"]: answer["type"] for answer in answers if answer["status"] == 200}
    found.acknowledged = len(taken)
    states = dict(db.session.execute(select(StripeEvent.sha256, StripeEvent.state)).all())  # type: ignore[arg-type]
    for sha256, kind in taken.items():
        if states.get(sha256) not in ("done", "ignored"):
            found.lost.append(f"{kind} was answered 200 and is {states.get(sha256, 'nowhere')}")
    found.wrong += [f"an event is {state}" for state in states.values() if state not in ("done", "ignored")]
    strange = {answer["status"] for answer in answers} - {200}
    found.wrong += [f"the door answered {status}" for status in strange if status not in (400, 503)]


def _judge_purchase(scene: Scene, stripe_id: str, expected: Expected, found: Verdict) -> None:
    purchase = db.session.scalars(select(Purchase).filter_by(stripe_id=stripe_id)).one_or_none()
    units = list(db.session.scalars(select(PaidUnit).filter_by(stripe_id=stripe_id).order_by(PaidUnit.id)))
    if purchase is None:
        found.lost.append(f"{stripe_id} is unknown")
        return
    if len(units) < expected.keys:
        found.lost.append(f"{stripe_id}: {len(units)} of {expected.keys} keys")
    if len(units) > expected.keys or len({unit.license_global_id for unit in units}) != len(units):
        found.double.append(f"{stripe_id}: {len(units)} units for {expected.keys} keys")
    state = "unclaimed" if not expected.keys else "ended" if expected.is_blocked else "served"
    if purchase.state != state:
        found.wrong.append(f"{stripe_id} is {purchase.state}, not {state}")
    shown = scene.lane.client.v1.subscriptions.retrieve(stripe_id).to_dict() if stripe_id.startswith("sub_") else None
    for unit in units:
        license = db.session.scalars(select(License).filter_by(global_id=unit.license_global_id)).one()
        found.wrong += list(_faults(stripe_id, license, expected, shown))
    if shown and units:
        if "skm_temp_var" in shown["metadata"]:
            found.wrong.append(f"{stripe_id} still has skm_temp_var")
        if shown["metadata"].get("skm_key_globalid") != str(units[0].license_global_id):
            found.wrong.append(f"{stripe_id} does not show its key at Stripe")


def _faults(stripe_id: str, license: License, expected: Expected, shown: dict[str, Any] | None) -> Iterator[str]:
    if license.block is not expected.is_blocked:
        yield f"{stripe_id}: the key is {'' if license.block else 'not '}blocked"
    if shown and not expected.is_blocked:
        end = datetime.fromtimestamp(shown["items"]["data"][0]["current_period_end"], UTC) + GRACE
        if license.expires_at != end:
            yield f"{stripe_id}: the key ends {license.expires_at}, not {end}"


def _judge_order(scene: Scene, found: Verdict) -> None:
    """One order, paid; one customer and one checkout at Stripe, however often somebody died while it was made."""
    orders = [(one.state, one.stripe_id) for one in db.session.scalars(select(Order))]
    if orders != [("paid", scene.ordered)]:
        found.wrong.append(f"the orders are {orders}, the purchase is {scene.ordered}")
    v1 = scene.lane.client.v1
    ours = str(scene.lane.customers[3])
    everybody = v1.customers.list({"limit": 100}).to_dict()["data"]
    people = [one["id"] for one in everybody if one["metadata"].get("skm_customer_id") == ours]
    if len(people) != 1:
        found.double.append(f"the buyer is {len(people)} customers at Stripe")
    sessions = [one for person in people for one in v1.checkout.sessions.list({"customer": person}).data]
    if len(sessions) != 1:
        found.double.append(f"{len(sessions)} checkouts for one order")


def _judge_licenses(found: Verdict) -> None:
    """No license without a paid unit, and each made once."""
    licenses = list(db.session.scalars(select(License.global_id)))
    paid = set(db.session.scalars(select(PaidUnit.license_global_id)))
    found.double += [f"license {one} is paid by nothing" for one in licenses if one not in paid]
    made = Counter(db.session.scalars(select(AuditEntry.record).filter_by(action="license.create")))
    found.double += [f"{record} was made {times} times" for record, times in made.items() if times != 1]
    if len(made) != len(licenses):
        found.wrong.append(f"{len(made)} entries in the audit for {len(licenses)} licenses")


def _judge_mails(scene: Scene, found: Verdict) -> None:
    """One mail per fact; each taken by the mail server, perhaps more than once, under its own Message-ID."""
    queued = {one.message_id: one for one in db.session.scalars(select(OutboxItem).filter_by(kind="mail"))}
    taken = scene.lane.mailbox.taken
    found.resent = sum(times - 1 for times in taken.values())
    found.lost += [f"mail {one.dedupe_key} never left" for one in queued.values() if not taken[one.message_id]]
    found.double += [f"a mail that nobody queued: {one}" for one in taken if one not in queued]
    dead = db.session.scalars(select(OutboxItem.name).filter_by(state="dead"))
    found.wrong += [f"{name} was given up" for name in dead]
    told = Counter((one.name, (one.dedupe_key or "").split(":")[2]) for one in queued.values())
    for stripe_id, expected in scene.expected.items():
        facts = {
            "license_issued": expected.keys,
            "license_extended": expected.keys * expected.extended,
            "license_blocked": expected.keys if expected.is_blocked else 0,
            "unclaimed": 0,
        }
        if not expected.keys:
            facts = {"unclaimed_payment": 1}
        for name, times in facts.items():
            sent = told[name, stripe_id]
            if sent > times:
                found.double.append(f"{stripe_id}: {sent} mails {name} for {times} facts")
            elif sent < times:
                found.lost.append(f"{stripe_id}: {sent} mails {name} for {times} facts")
