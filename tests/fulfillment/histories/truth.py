"""What should be, from the sandbox's own books and `docs/fulfillment.md`; no code of the portal's is used here."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fulfillment.histories.world import World

Document = dict[str, Any]
NOTHING, SERVED, KEPT, BLOCKED = "nothing", "served", "kept", "blocked"
GIVEN_BACK, DISPUTED = "given back", "disputed"
SERVING = ("active", "trialing")
KEEPING = ("past_due", "paused", "unpaid")


@dataclass(frozen=True)
class Expected:
    """What a purchase should have come to.

    fate: nothing (never a key), served (exactly `keys` work), kept (what there was still works), blocked (none works).
    ends: by product, when what is paid for ends at least; None: not by a period.
    """

    fate: str
    customer_id: int | None
    keys: dict[int, int] = field(default_factory=dict)
    ends: dict[int, datetime | None] = field(default_factory=dict)


@dataclass
class Past:
    """What was ever true of a purchase: ends of paid periods, quantities, products, and whether anything was paid."""

    ends: set[datetime] = field(default_factory=set)
    quantities: set[int] = field(default_factory=set)
    products: set[int] = field(default_factory=set)
    was_paid: bool = False


@dataclass
class Truth:
    """Reads the books. policies: refund, dispute and days of grace, as the vendor has set them."""

    world: World
    products: dict[str, int]
    machines: set[str]
    policies: dict[str, Any] = field(default_factory=dict)
    pasts: dict[str, Past] = field(default_factory=lambda: defaultdict(Past))
    owners: dict[str, int] = field(default_factory=dict)
    failures: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def all(self, kind: str, **equal: Any) -> list[Document]:
        """Documents, newest first."""
        with self.world.books() as books:
            return books.all(kind, **equal)

    def find(self, kind: str, id_: str) -> Document:
        """A document, also of something deleted."""
        with self.world.books() as books:
            return books.find(kind, id_) or {}

    def customer(self, id_: str) -> Document:
        """A customer at Stripe."""
        return self.find("customer", id_)

    def items(self, subscription: str) -> list[Document]:
        """Its items, oldest first."""
        return self.all("subscription_item", subscription=subscription)[::-1]

    def invoices(self, subscription: str, status: str) -> list[Document]:
        """Its invoices in this state, newest first."""
        return self.all("invoice", status=status, **{"parent.subscription_details.subscription": subscription})

    def bills(self, subscription: str) -> list[Document]:
        """Its invoices in any state, newest first."""
        return self.all("invoice", **{"parent.subscription_details.subscription": subscription})

    def charges(self, purchase: str) -> list[Document]:
        """What was ever collected for a purchase, newest first."""
        if not purchase.startswith("cs_"):
            found = [charge for invoice in self.invoices(purchase, "paid") for charge in self._charges_of(invoice)]
            return [charge for charge in found if charge["id"]]
        intent = self.find("payment_intent", self.find("checkout.session", purchase).get("payment_intent") or "")
        charge = self.find("charge", intent.get("latest_charge") or "")
        return [charge] if charge.get("status") == "succeeded" else []

    def watch(self) -> None:
        """Remember what is true now; called after everything that happens at Stripe."""
        for subscription in self.all("subscription"):
            past = self.pasts[subscription["id"]]
            self._owner(subscription["id"], subscription)
            if subscription["status"] in ("past_due", "unpaid"):
                self.failures[subscription["id"]].add(subscription["latest_invoice"])
            for item in self.items(subscription["id"]):
                price, quantity = self._standing(subscription, item)
                self._remember(past, price, quantity, self._paid_until(subscription, item))
            if not past.was_paid:  # the first bill may be paid after all, when all that it is for was replaced
                for left in self._left_behind(subscription["id"]):
                    self._remember(past, *left)
        for session in self.all("checkout.session", status="complete", mode="payment"):
            self._owner(session["id"], session)

    def _remember(self, past: Past, price: str, quantity: int, end: datetime | None) -> None:
        past.products.add(self.products[price])
        past.quantities.add(1 if price in self.machines else quantity)
        if end is not None:
            past.was_paid = True
            past.ends.add(end)

    def _owner(self, purchase: str, found: Document) -> None:
        customer = self.customer(found["customer"] or "")
        number = (customer.get("metadata") or {}).get("skm_customer_id")
        if number:
            self.owners.setdefault(purchase, int(number))

    def _paid_until(self, subscription: Document, item: Document) -> datetime | None:
        """The end of the last period of the item that was paid for; None while nothing was.

        The rest of a period that is not paid itself ends with what is; a bill over a credit for nothing is no payment.
        What was added without a bill is paid as far as the rest.
        """
        if self._is_settled(subscription):
            return datetime.fromtimestamp(item["current_period_end"], UTC)  # another plan may have begun a shorter one
        bills = self.bills(subscription["id"])
        paid = _really_paid(bills)
        whole = [(bill, line) for bill in bills for line in _whole_periods(bill)]
        reach = max((line["period"]["end"] for bill, line in whole if bill in paid), default=0)
        billed = {_details(line).get("subscription_item") for bill in bills for line in _lines(bill)}
        counts_as_others = item["id"] not in billed and subscription["status"] == "active"
        ends = []
        for bill in paid:
            for line in _lines(bill):
                is_its = counts_as_others or _details(line).get("subscription_item") == item["id"]
                if line["amount"] < 0 or not is_its:
                    continue
                end, start = line["period"]["end"], line["period"]["start"]
                is_open = _details(line)["proration"] and any(
                    each["period"]["start"] <= start < each["period"]["end"]
                    for other, each in whole
                    if other["status"] in ("open", "draft") or (other["status"] != "paid" and not bill["amount_paid"])
                )
                ends.append(min(end, reach) if is_open and reach else end)
        if counts_as_others and ends:
            now = {each["id"] for each in self.items(subscription["id"])}
            gone = [
                line for bill in paid for line in _lines(bill) if _details(line).get("subscription_item") not in now
            ]
            replaced = [line["period"]["end"] for line in gone if line["amount"] >= 0]
            ends = [min(item["current_period_end"], max(ends)), *replaced]
        return datetime.fromtimestamp(max(ends), UTC) if ends else None

    def _is_settled(self, subscription: Document) -> bool:
        """Whether all that is in it is paid for, or free, to the end of the period."""
        paused = (subscription["pause_collection"] or {}).get("behavior")
        latest = self.find("invoice", subscription["latest_invoice"] or "")
        if subscription["status"] not in SERVING:
            return False
        if subscription["status"] == "trialing" or paused == "mark_uncollectible" or not latest:
            return True
        is_all = all(bill["status"] == "paid" for bill in self.bills(subscription["id"]))
        is_whole = bool(_whole_periods(latest)) and all(line["amount"] >= 0 for line in latest["lines"]["data"])
        return bool(latest["status"] == "paid" and (is_all or is_whole))

    def _standing(self, subscription: Document, item: Document) -> tuple[str, int]:
        """Price and quantity of an item before all changes that were billed and are not paid.

        A bill that was voided is forgotten when a later change is paid.
        """
        now = item["price"], item["quantity"]
        stands, forgives = None, False
        bills = [] if self._is_settled(subscription) else self.bills(subscription["id"])
        for position, bill in enumerate(bills):
            mine = [line for line in bill["lines"]["data"] if _details(line).get("subscription_item") == item["id"]]
            is_paid = bill in _really_paid(bills)
            whole = [line for line in _whole_periods(bill) if line in mine]
            sold = [_sold(line) for line in mine if line["amount"] >= 0]
            if is_paid and (whole or (sold and now not in sold)):
                break
            if bill["billing_reason"] != "subscription_update" or now not in sold:
                continue
            before = [_sold(line) for line in mine if line["amount"] < 0]
            if not before and whole:
                before = [sold for sold in self._bought_before(bills[position:], item) if sold[0] != now[0]]
            if before:
                now = before[0]
                counts = is_paid and not _is_for_nothing(bill, mine, bills)
                if counts:
                    forgives = forgives or sum(line["amount"] for line in mine) > 0
                elif not forgives or bill["status"] != "void":
                    stands, forgives = now, False
        is_less = stands is not None and stands[0] == item["price"] and stands[1] >= item["quantity"]
        return (item["price"], item["quantity"]) if stands is None or is_less else stands

    def _bought_before(self, bills: list[Document], item: Document) -> list[tuple[str, int]]:
        """What the last bill that was really paid says about an item."""
        for bill in _really_paid(bills):
            lines = [line for line in bill["lines"]["data"] if line["amount"] >= 0]
            sold = [_sold(line) for line in lines if _details(line).get("subscription_item") == item["id"]]
            if sold:
                return sold[-1:]
        return []

    def expected(self, purchase: str) -> Expected:
        """What a purchase should have come to by now."""
        return self._of_checkout(purchase) if purchase.startswith("cs_") else self._of_subscription(purchase)

    def _of_checkout(self, purchase: str) -> Expected:
        session = self.find("checkout.session", purchase)
        owner = self.owners.get(purchase)
        items = session["_more"]["items"]
        keys = {self.products[item["price"]]: item["quantity"] for item in items}
        if session["payment_status"] == "unpaid" or owner is None:
            return Expected(NOTHING, owner)
        return Expected(BLOCKED if self.lost(purchase) else SERVED, owner, keys, dict.fromkeys(keys))

    def _of_subscription(self, purchase: str) -> Expected:
        subscription = self.find("subscription", purchase)
        past, owner, status = self.pasts[purchase], self.owners.get(purchase), subscription["status"]
        if not past.was_paid or owner is None or past.products == {0}:
            return Expected(NOTHING, owner)
        if status == "canceled" or self.lost(purchase):
            return Expected(BLOCKED, owner)
        keys: dict[int, int] = {}
        ends: dict[int, datetime | None] = {}
        items = [
            (*self._standing(subscription, item), self._paid_until(subscription, item)) for item in self.items(purchase)
        ]
        is_replaced = not any(end for _price, _quantity, end in items)
        for price, quantity, end in self._left_behind(purchase) if is_replaced else items:
            product = self.products[price]
            if end is None or not product:
                continue
            keys[product] = keys.get(product, 0) + (1 if price in self.machines else quantity)
            known = ends.get(product)
            ends[product] = max(end, known) if known else end
        if status == "unpaid" and all(end and end + self.grace < self.world.now() for end in ends.values()):
            return Expected(BLOCKED, owner)
        return Expected(KEPT if status in KEEPING or is_replaced else SERVED, owner, keys, ends)

    def _left_behind(self, purchase: str) -> list[tuple[str, int, datetime | None]]:
        """What was paid for last, where it was replaced by something whose payment is open: it stands until then."""
        for invoice in _really_paid(self.bills(purchase)):
            lines = {
                _details(line)["subscription_item"]: line
                for line in sorted(invoice["lines"]["data"], key=lambda line: int(line["period"]["end"]))
                if line["amount"] >= 0
            }
            if lines:
                return [
                    (
                        line["pricing"]["price_details"]["price"],
                        line["quantity"],
                        datetime.fromtimestamp(line["period"]["end"], UTC),
                    )
                    for line in lines.values()
                ]
        return []

    @property
    def grace(self) -> Any:
        """How long a key works beyond what is paid for."""
        return self.policies["grace"]

    def lost(self, purchase: str) -> str:
        """Whether the money of the period that was paid last went back, as far as the vendor minds."""
        charges = self._charges_that_count(purchase)
        disputes = {charge["id"]: self.all("dispute", charge=charge["id"]) for charge in charges if charge["disputed"]}
        states = {charge: {dispute["status"] for dispute in found} for charge, found in disputes.items()}
        if self.policies["dispute_policy"] == "suspend" and any("needs_response" in each for each in states.values()):
            return DISPUTED
        paid = sum(charge["amount"] for charge in charges)
        back = sum(
            charge["amount"] if "lost" in states.get(charge["id"], ()) else charge["amount_refunded"]
            for charge in charges
        )
        return GIVEN_BACK if self.policies["refund_policy"] == "block" and 0 < paid <= back else ""

    def _charges_that_count(self, purchase: str) -> list[Document]:
        """Of the last bill; where that one was nothing or went back, of all bills of the same period."""
        if purchase.startswith("cs_"):
            return self.charges(purchase)
        paid = self._free_bill(purchase) + self.invoices(purchase, "paid")
        if not paid:
            return []
        last, *earlier = paid
        charges = self._charges_of(last)
        stands = any(not charge["amount_refunded"] and not self._is_lost(charge) for charge in charges)
        if last["amount_paid"] and stands:
            return charges
        end = _end_of(last)
        return charges + [each for bill in earlier if _end_of(bill) >= end for each in self._charges_of(bill)]

    def _free_bill(self, purchase: str) -> list[Document]:
        """The latest bill while the service is offered for free: as good as paid, over nothing."""
        subscription = self.find("subscription", purchase)
        is_free = (subscription["pause_collection"] or {}).get("behavior") == "mark_uncollectible"
        latest = self.find("invoice", subscription["latest_invoice"] or "")
        is_given = is_free and latest and latest["status"] != "paid" and subscription["status"] in SERVING
        return [latest] if is_given else []

    def _charges_of(self, invoice: Document) -> list[Document]:
        """What was collected for a bill; money that came another way is a charge that nobody takes back."""
        intents = [
            payment["payment"]["payment_intent"] for payment in self.all("invoice_payment", invoice=invoice["id"])
        ]
        found = [self.find("charge", self.find("payment_intent", each)["latest_charge"] or "") for each in intents]
        charges = [charge for charge in found if charge.get("status") == "succeeded"]
        rest = invoice["amount_paid"] - sum(charge["amount"] for charge in charges)
        other = {"id": "", "amount": rest, "amount_refunded": 0, "disputed": False}
        return [*charges, other] if rest > 0 else charges

    def _is_lost(self, charge: Document) -> bool:
        return bool(charge["disputed"] and self.all("dispute", charge=charge["id"], status="lost"))

    def bought_at(self, purchase: str) -> datetime:
        """When a purchase was made."""
        kind = "checkout.session" if purchase.startswith("cs_") else "subscription"
        return datetime.fromtimestamp(self.find(kind, purchase)["created"], UTC)

    def failed_invoice(self, purchase: str) -> str:
        """The latest invoice of a subscription whose collection has failed."""
        subscription = self.find("subscription", purchase)
        return str(subscription["latest_invoice"]) if subscription["status"] in ("past_due", "unpaid") else ""


def _end_of(invoice: Document) -> int:
    """When what a bill is for ends."""
    return max((line["period"]["end"] for line in invoice["lines"]["data"] if line["amount"] >= 0), default=0)


def _lines(bill: Document) -> list[Document]:
    return list(bill["lines"]["data"])


def _details(line: Document) -> Document:
    return (line.get("parent") or {}).get("subscription_item_details") or {}


def _really_paid(bills: list[Document]) -> list[Document]:
    """The paid ones, newest first, but for those that only a credit paid for what was never paid itself."""
    paid: list[Document] = []
    for position in reversed(range(len(bills))):
        bill, older = bills[position], bills[position + 1 :]
        credits = [line for line in bill["lines"]["data"] if line["amount"] < 0]
        is_real = bill["amount_paid"] or all(_was_paid(credit, older, paid) for credit in credits)
        if bill["status"] == "paid" and is_real:
            paid.insert(0, bill)
    return paid


def _was_paid(credit: Document, older: list[Document], paid: list[Document]) -> bool:
    at, item = credit["period"]["start"], _details(credit).get("subscription_item")
    for bill in older:
        for line in bill["lines"]["data"]:
            is_it = _details(line).get("subscription_item") == item and _sold(line) == _sold(credit)
            if is_it and line["amount"] >= 0 and line["period"]["start"] <= at < line["period"]["end"]:
                return bill in paid
    return True


def _is_for_nothing(bill: Document, mine: list[Document], bills: list[Document]) -> bool:
    """Whether all that a change cost came from a balance that may be made of credits for what was never paid for."""
    spent = (bill["ending_balance"] or 0) - (bill["starting_balance"] or 0)
    older = bills[bills.index(bill) + 1 :]
    spends = (at for at, other in enumerate(older) if other["ending_balance"] == 0 and other["status"] != "void")
    since = older[: next(spends, len(older))]
    is_hollow = any(other["status"] == "paid" and other not in _really_paid(bills) for other in since)
    return is_hollow and 0 < sum(line["amount"] for line in mine) <= spent


def _whole_periods(invoice: Document) -> list[Document]:
    """The lines that bill a period from its beginning."""
    lines = [line for line in invoice["lines"]["data"] if _details(line) and line["amount"] >= 0]
    return [line for line in lines if not _details(line)["proration"]]


def _sold(line: Document) -> tuple[str, int]:
    return line["pricing"]["price_details"]["price"], line["quantity"]
