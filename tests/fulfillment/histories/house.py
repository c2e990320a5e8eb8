"""Our side of a history: the door, the workers, the staff, and how everything calms down in the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from portal import failpoints
from portal.billing.gateway import GatewayError
from portal.customers.models import Customer
from portal.extensions import db
from portal.fulfillment import sweeps
from portal.licenses.models import License
from portal.licenses.service import get_product
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem
from portal.vendors import service as vendors
from portal.webhooks.models import StripeEvent
from tests.factories import make_license
from tests.fulfillment.histories.deeds import Deeds
from tests.fulfillment.histories.invariants import Judgment, rows
from tests.fulfillment.histories.scene import Scene
from tests.fulfillment.histories.truth import Truth

ROUNDS = 40
EVENTS, ENDING, PURCHASES = "webhooks.sweep_events", "fulfillment.sweep_ending", "fulfillment.sweep_all"
# Twice: who one purchase belongs to may say whose another one is.
HEALERS = {"everything": (EVENTS, ENDING, PURCHASES), "events": (EVENTS, ENDING), "purchases": (PURCHASES, PURCHASES)}
OVER = ("canceled", "incomplete_expired")
STANDING = ("licenses", "paid_units", "audit_entries", "products")


class House:
    """One vendor's portal in one history.

    granted: keys made by staff, and for whom; stopped: keys blocked by staff. healers: the sweeps that look in the end.
    last_fate: at how many failpoints the workers die that begin to make things well. undone: news that got lost again.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene, self.world = scene, scene.world
        machines = {scene.prices["machines"]}
        self.truth = Truth(self.world, scene.products, machines)
        self.deeds = Deeds(scene, self.truth)
        self.granted: dict[int, int | None] = {}
        self.stopped: set[int] = set()
        self.is_open = self.repeats = False
        self.healers = HEALERS["everything"]
        self.last_fate: int | None = None
        self.undone: list[str] = []
        scene.begin()

    def open(self, switches: dict[str, Any], settings: dict[str, str]) -> None:
        """Begin, under some policies."""
        self.scene.decide(switches, settings)
        self.truth.policies = {**switches, "grace": timedelta(days=switches["grace_days"])}
        self.is_open = True

    def purchases(self) -> list[str]:
        """All that was bought."""
        return [*self.deeds.subscriptions, *self.deeds.checkouts]

    def nth(self, which: int) -> str:
        """One purchase."""
        return self.purchases()[which % len(self.purchases())]

    def key_count(self) -> int:
        """How many keys there are."""
        return int(self.world.in_app(lambda: db.session.scalar(select(func.count()).select_from(License)) or 0))

    def nth_key(self, which: int) -> dict[str, Any]:
        """One key, as a row."""
        found = sorted(self.world.in_app(lambda: rows("licenses")), key=lambda row: row["global_id"])
        return dict(found[which % len(found)])

    def deliver(self, limit: int, order: random.Random | None, fate: int | None) -> None:
        """Webhooks arrive."""
        self.world.fate = fate
        try:
            self.world.courier.deliver_due(limit=limit, order=order)
        finally:
            self.world.fate = None

    def work(self, fate: int | None) -> None:
        """A worker works."""
        self.world.work(fate)

    def keep_up(self) -> None:
        """Everything that is due arrives and is worked off."""
        self.deliver(100, None, None)
        self.work(None)

    def another_works(self) -> None:
        """A second worker, while the first one waits."""
        fate, meanwhile = self.world.fate, self.world.meanwhile
        self.world.work()
        self.world.fate, self.world.meanwhile = fate, meanwhile

    def be_overtaken(self, call: int, meanwhile: Callable[[], None], clicked: str) -> None:
        """A worker, or a click of staff on a purchase, waits for an answer while others work; theirs is newer."""
        newer: dict[str, Any] = {}

        def act() -> None:
            meanwhile()
            newer.update(self._read_at())

        if clicked:
            self.world.meanwhile = call, act
            self.ensure(clicked, None)
            self.world.meanwhile = None
        else:
            self.world.work(meanwhile=(call, act))
        now = self._read_at()
        self.undone += [f"an older reading of {each} has won" for each in newer if now[each] < newer[each]]

    def _read_at(self) -> dict[str, Any]:
        found = self.world.in_app(lambda: rows("purchases"))
        return {row["stripe_id"]: row["fetched_at"] for row in found}

    def queue(self, name: str) -> None:
        """A sweep's turn has come; that of everything bought looks as far back as it can."""
        of_whom: dict[str, Any] = {"vendor_id": None}
        if name == PURCHASES:
            of_whom = {"vendor_id": self.scene.vendor_id, "since": 0}

        def write() -> None:
            outbox.queue_job(name, **of_whom)
            db.session.commit()

        self.world.in_app(write)

    def ensure(self, purchase: str, fate: int | None) -> None:
        """A click of staff; it may meet Stripe's troubles, or a death."""

        def click() -> None:
            try:
                sweeps.ensure(vendor_id=self.scene.vendor_id, stripe_id=purchase)
                failpoints.reach("unit_of_work.commit.before")
                db.session.commit()
                failpoints.reach("unit_of_work.commit.after")
            except GatewayError:
                db.session.rollback()

        self.world.fate = fate
        try:
            with suppress(failpoints.Killed):
                self.world.in_app(click)
        finally:
            self.world.fate = None

    def grant(self, customer: int, product: int) -> None:
        """A key made by hand."""

        numbers: list[int | None] = [None, *self.scene.ours]
        number = numbers[customer % len(numbers)]

        def write() -> int:
            vendor = vendors.get(self.scene.vendor_id)
            mine = db.session.get(Customer, (vendor.id, number)) if number else None
            return int(make_license(vendor, get_product(vendor, product), mine).global_id)

        self.granted[self.world.in_app(write)] = number

    def block(self, which: int) -> None:
        """Staff block a key."""
        number = self.nth_key(which)["global_id"]

        def write() -> bool:
            license = db.session.get(License, (self.scene.vendor_id, number))
            was_open = not license.block
            license.block = True
            db.session.commit()
            return was_open

        if self.world.in_app(write):
            self.stopped.add(number)

    def end(self) -> list[str]:
        """Everything calms down; what is wrong then."""
        if not self.is_open:
            return []
        self._calm_down()
        judgment = Judgment(self.scene, self.truth, self.deeds, self.granted, self.stopped)
        problems = self.undone + judgment.problems()
        return problems or (self._again() if self.repeats else [])

    def _calm_down(self) -> None:
        """Nothing goes wrong any more, leases run out, what is due is done; then the sweeps look at everything.

        Those that read Stripe's events and those that read what was bought do it alone, too. Whose a purchase is may
        have been found out by another one of the same payer: then it is theirs when the sweeps come round again.
        """
        self.deeds.forget_accidents()
        self.work(self.last_fate)
        self.wait()
        for _ in range(2):
            self.world.move(minutes=61)
            for name in self.healers:
                self.queue(name)
                self.work(self.last_fate)
                self.wait()
            if not any(row["state"] == "unclaimed" for row in self.world.in_app(lambda: rows("purchases"))):
                break
        self.truth.watch()

    def wait(self) -> None:
        """Until nothing waits any more; only as much time goes by as it takes."""
        for _ in range(ROUNDS):
            self.work(None)
            due = self.world.in_app(self._next_due)
            if due is None:
                return
            self.world.move(seconds=max(1, (due - self.world.now()).total_seconds() + 1))
            self.truth.watch()

    @staticmethod
    def _next_due() -> Any:
        """When the next thing gets its turn. All news of one subject waits while a worker holds some of it."""
        mine, news = OutboxItem, StripeEvent
        waiting = select(mine.available_at, mine.lease_until).where(mine.state == "waiting")
        held = func.max(news.lease_until).over(partition_by=news.subject)
        received = select(news.available_at, news.lease_until, held).where(news.state == "received")
        moments = [max(filter(None, row)) for each in (waiting, received) for row in db.session.execute(each)]
        return min(moments, default=None)

    def _again(self) -> list[str]:
        """Everything once more: nothing may change. Whose it is that is not paid yet may have been found out since."""
        for row in self.world.in_app(lambda: rows("purchases")):
            if row["state"] == "waiting" and row["customer_id"] is None:
                self.ensure(row["stripe_id"], None)
        self.work(None)
        before = self.world.in_app(self._standing)
        self.world.in_app(self._replay)
        self.work(None)
        known = {row["stripe_id"] for row in self.world.in_app(lambda: rows("purchases"))}
        for purchase in sorted(known.intersection(self.purchases())):
            self.ensure(purchase, None)
        self.work(None)
        after = self.world.in_app(self._standing)
        return [
            f"again: {name}: {before[name] - after[name]} became {after[name] - before[name]}"
            for name in before
            if before[name] != after[name]
        ]

    @staticmethod
    def _replay() -> None:
        handled = StripeEvent.state == "done"
        db.session.execute(
            update(StripeEvent).where(handled).values(state="received", available_at=StripeEvent.received_at)
        )
        db.session.commit()

    def _standing(self) -> dict[str, Any]:
        standing: dict[str, Any] = {name: rows(name) for name in STANDING}
        served = {row["stripe_id"] for row in rows("paid_units")}
        for name in ("purchases", "subscriptions"):  # of what ended before it had a key, more may show later
            found = rows(name, "fetched_at")
            standing[name] = [row for row in found if row["status"] not in OVER or row["stripe_id"] in served]
        ours = [row for row in rows("outbox") if row["kind"] == "mail" or row["name"] == "fulfillment.write_back"]
        return {name: set(map(repr, found)) for name, found in [*standing.items(), ("outbox", ours)]}
