"""What must hold when a history has calmed down: our rows and mails against the truth at Stripe."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from portal.billing.gateway import GatewayError
from portal.extensions import db
from portal.outbox import worker
from portal.webhooks import service as webhooks
from tests.fulfillment.histories import truth as facts
from tests.fulfillment.histories.deeds import Deeds
from tests.fulfillment.histories.scene import OWNER, PLANS, Scene
from tests.fulfillment.histories.truth import Expected, Truth
from tests.fulfillment.histories.world import Letter

Row = dict[str, Any]
FORESEEN = (GatewayError, webhooks.Overtaken, worker.Overtaken)
NEWS = timedelta(days=3)
TOLD = {"license_issued", "license_extended", "license_restored"}


def rows(table: str, *omit: str) -> list[Row]:
    """All rows of a table; to be called in an app context."""
    found = db.session.execute(select(db.metadata.tables[table]))
    return [{name: value for name, value in row._mapping.items() if name not in omit} for row in found]


@dataclass
class Judgment:
    """The rows as they stand, and what is wrong with them.

    granted: keys that staff made, and for whom; stopped: those they blocked.
    """

    scene: Scene
    truth: Truth
    deeds: Deeds
    granted: dict[int, int | None]
    stopped: set[int]

    def problems(self) -> list[str]:
        """Every violation, in words."""
        self.found: list[str] = []
        self.scene.world.in_app(self._load)
        self._owners()
        for purchase in [*self.deeds.subscriptions, *self.deeds.checkouts]:
            self._purchase(purchase, self.truth.expected(purchase))
        self._rest()
        self._letters()
        return self.found

    def _load(self) -> None:
        self.licenses = {row["global_id"]: row for row in rows("licenses")}
        self.units: dict[str, list[Row]] = defaultdict(list)
        for row in rows("paid_units"):
            self.units[row["stripe_id"]].append(row)
        self.purchases = {row["stripe_id"]: row for row in rows("purchases")}
        self.events, self.outbox = rows("stripe_events", "raw"), rows("outbox", "payload")

    def _owners(self) -> None:
        """A typed-in key says whose a stranger's purchase is, until another purchase has said who the stranger is."""
        for purchase, (name, number) in self.deeds.named.items():
            ours = self.purchases.get(purchase, {}).get("customer_id")
            sold = self.truth.pasts[purchase].products
            keys = [key for key in self.licenses.values() if name == "skm_key_globalid" or key["product_id"] in sold]
            column = "global_id" if name == "skm_key_globalid" else "id"
            if ours in {key["customer_id"] for key in keys if key[column] == number} - {None}:
                self.truth.owners[purchase] = ours

    def _say(self, condition: object, problem: str) -> None:
        if not condition:
            self.found.append(problem)

    def _purchase(self, purchase: str, expected: Expected) -> None:
        units = self.units[purchase]
        keys = [self.licenses[unit["license_global_id"]] for unit in units]
        working = [key for unit, key in zip(units, keys, strict=True) if self._works(unit, key)]
        about = f"{purchase} ({expected.fate})"
        self._say(len({key["global_id"] for key in keys}) == len(keys), f"{about}: one key stands for two units")
        self._say(all(key["customer_id"] == expected.customer_id for key in keys), f"{about}: another customer's key")
        if expected.fate == facts.NOTHING:
            self._say(not units, f"{about}: a key that nobody paid for")
        if expected.fate == facts.BLOCKED:
            for key in working:
                others = self._paid_elsewhere(key["global_id"], purchase)
                self._say(others or key["global_id"] in self.stopped, f"{about}: a key still works")
        if expected.fate in (facts.SERVED, facts.KEPT):
            self._number(about, purchase, expected, working)
            self._ends(about, purchase, expected, units)
        self._at_stripe(about, purchase, units)

    def _works(self, unit: Row, key: Row) -> bool:
        """Whether a key works, or would if staff had not blocked it."""
        is_given_away = unit["blocked_because"] and self._paid_elsewhere(key["global_id"], unit["stripe_id"])
        return not (is_given_away or (unit["blocked_because"] if key["global_id"] in self.stopped else key["block"]))

    def _paid_elsewhere(self, global_id: int, purchase: str) -> bool:
        linked = [
            each for each, units in self.units.items() for unit in units if unit["license_global_id"] == global_id
        ]
        return any(self.truth.expected(each).fate in (facts.SERVED, facts.KEPT) for each in linked if each != purchase)

    def _number(self, about: str, purchase: str, expected: Expected, working: list[Row]) -> None:
        """Exactly one working key per paid unit. Changes while nothing is collected decide only at the next payment.

        What was given for nothing, and is so no more, runs to its end.
        """
        past = self.truth.pasts[purchase]
        found = dict(Counter(key["product_id"] for key in working))
        if expected.fate == facts.KEPT and (not expected.keys or len(past.quantities) + len(past.products) > 2):
            total, most = sum(found.values()), max(past.quantities)
            least = min(1, min(past.quantities)) if expected.keys else 0
            self._say(least <= total <= most, f"{about}: {found} keys, at most {most} were paid")
            return
        wanted = {product: number for product, number in expected.keys.items() if number}
        self._say(found == wanted, f"{about}: keys by product are {found}, paid are {wanted}")

    def _ends(self, about: str, purchase: str, expected: Expected, units: list[Row]) -> None:
        past = self.truth.pasts[purchase]
        for unit in units:
            key = self.licenses[unit["license_global_id"]]
            if unit["blocked_because"] or key["product_id"] not in expected.ends:
                continue
            least = expected.ends[key["product_id"]]
            if least is None:
                self._once(about, key)
                continue
            paid = key["expires_at"] - self.truth.grace
            fits = paid in past.ends or unit["is_adopted"] or self._paid_elsewhere(key["global_id"], purchase)
            self._say(least <= paid and fits, f"{about}: runs to {paid} without grace, paid to {least}")

    def _once(self, about: str, key: Row) -> None:
        period = timedelta(days=30 if key["product_id"] == PLANS["once_30_days"][0] else 0)
        right = key["expires_at"] - key["created_at"]
        if key["global_id"] not in self.granted:
            self._say(abs(right - period) < timedelta(seconds=1), f"{about}: bought once, runs for {right}")

    def _at_stripe(self, about: str, purchase: str, units: list[Row]) -> None:
        if purchase.startswith("cs_"):
            return
        subscription = self.truth.find("subscription", purchase)
        row, metadata = self.purchases.get(purchase), subscription["metadata"]
        never_seen = row is None and subscription["status"] == "canceled"  # nobody looks for what has ended already
        if self.truth.pasts[purchase].was_paid and not never_seen:
            self._say(row and row["status"] == subscription["status"], f"{about}: our row says {row}")
        units = sorted((unit for unit in units if unit["blocked_because"] != "moved"), key=lambda unit: unit["id"])
        if not units:
            return
        first = self.licenses[units[0]["license_global_id"]]
        shown = metadata.get("skm_key_id"), metadata.get("skm_key_globalid")
        self._say(shown == (str(first["id"]), str(first["global_id"])), f"{about}: Stripe shows the key {shown}")
        self._say("skm_temp_var" not in metadata, f"{about}: skm_temp_var is still there")
        if len(units) > 1:
            listed = ",".join(str(unit["license_global_id"]) for unit in units)
            self._say(metadata.get("latchkey_keys") == listed, f"{about}: Stripe shows {metadata}, not {listed}")

    def _rest(self) -> None:
        stuck = [(row["type"], row["state"], row["last_error"]) for row in self.events if row["state"] == "received"]
        self._say(not stuck, f"events are left: {stuck}")
        left = [(row["name"], row["state"], row["last_error"]) for row in self.outbox if row["state"] != "done"]
        self._say(not left, f"the outbox is not empty: {left}")
        odd = {repr(error) for error in self.scene.world.ear.heard if not isinstance(error, FORESEEN)}
        self._say(not odd, f"the worker met {odd}")
        linked = {unit["license_global_id"] for units in self.units.values() for unit in units}
        for number, key in self.licenses.items():
            alone = number not in linked and number not in self.granted
            self._say(not alone or key["block"], f"the key {number} works, and nothing pays for it")
            self._say(key["block"] or number not in self.stopped, f"staff had blocked the key {number}")
        self._say(
            not self.scene.world.judge.problems, f"not by Stripe's description: {self.scene.world.judge.problems}"
        )

    def _letters(self) -> None:
        """One mail per fact: sent again after a crash, it carries the same id."""
        once = list({letter.id: letter for letter in self.scene.world.letters}.values())
        for number, key in self.licenses.items():
            linked = [unit for units in self.units.values() for unit in units if unit["license_global_id"] == number]
            about = [letter for letter in once if letter.key == key["key"]]
            self._of_key(key, linked, about)
            address = self.scene.emails.get(str(key["customer_id"]))
            self._say(all(letter.to == address for letter in about), f"mails about {number} went elsewhere")
        self._failures(once)
        unclaimed = Counter(letter.text for letter in once if letter.name == "unclaimed_payment")
        self._say(all(number == 1 for number in unclaimed.values()), f"told twice: {unclaimed}")
        first_look = min((row["first_seen_at"] for row in self.purchases.values()), default=None)
        for purchase, row in self.purchases.items():
            if row["state"] == "unclaimed" and first_look - self.truth.bought_at(purchase) < NEWS:
                told = any(letter.to == OWNER and purchase in letter.text for letter in once)
                self._say(told, f"nobody told staff of {purchase}")

    def _of_key(self, key: Row, linked: list[Row], about: list[Letter]) -> None:
        number, names = key["global_id"], [letter.name for letter in about]
        issued = names.count("license_issued")
        is_news = number not in self.granted or (linked and self.granted[number] is None)
        self._say(issued == bool(is_news), f"key {number}: told {issued} times that it was made")
        if number in self.stopped or len(linked) != 1 or linked[0]["is_adopted"]:
            return
        turns = [name for name in names if name in ("license_blocked", "license_restored")]
        turns_wanted = ["license_blocked", "license_restored"] * len(turns)
        self._say(turns == turns_wanted[: len(turns)], f"key {number}: told {turns}")
        self._say((len(turns) % 2 == 1) == key["block"], f"key {number}: told {turns}, blocked is {key['block']}")
        days = [letter.day for letter in about if letter.name in TOLD and letter.day]
        extended = [letter.day for letter in about if letter.name == "license_extended"]
        self._say(len(set(extended)) == len(extended), f"key {number}: told twice of {extended}")
        if days:
            self._say(days[-1] == _shown(key["expires_at"]), f"key {number}: told {days}, runs to {key['expires_at']}")

    def _failures(self, once: list[Letter]) -> None:
        told = Counter(letter.to for letter in once if letter.name == "payment_failed")
        least: Counter[str] = Counter()
        most: Counter[str] = Counter()
        for purchase in self.deeds.subscriptions:
            address = self.scene.emails.get(str(self.truth.owners.get(purchase)))
            if address and self.units[purchase]:  # who has no key has nothing to lose here
                most[address] += len(self.truth.failures[purchase])
                least[address] += bool(self.truth.failed_invoice(purchase))
        for address in told | least:
            fits = least[address] <= told[address] <= most[address]
            self._say(fits, f"{address} was told of {told[address]} failures, of {least[address]} to {most[address]}")


def _shown(moment: datetime) -> str:
    return f"{moment:%b} {moment.day}, {moment.year}"
