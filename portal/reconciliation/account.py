"""One vendor's whole account compared: Stripe is asked page by page, our side read in between, nothing written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from portal import clock, unit_of_work
from portal.billing import gateway
from portal.billing.links import INSTANCE, is_foreign
from portal.fulfillment import service as fulfillment
from portal.fulfillment.facts import Facts
from portal.fulfillment.reading import Source
from portal.reconciliation import comparing, listed, local, missing, people
from portal.reconciliation.found import Found
from portal.reconciliation.pairs import Pair
from portal.webhooks import endpoint
from portal.webhooks.endpoint import EndpointHealth

BATCH = 100
LONG_AGO = timedelta(days=29)  # as long as Stripe keeps the events that would tell of it
MOST_LOOKED_UP = 300
LONGEST_LOOK = 150.0  # seconds for reading single purchases; the lease on the job is five minutes


@dataclass
class Comparison:
    """What one comparison found. checked: purchases. unsure: those that could not be looked at: what was found about
    them before stays. failure: why the account could not be compared to its end; then nothing found before is over.
    endpoint: how our webhook endpoint was found at Stripe; None without a key.
    """

    vendor_id: int
    started_at: datetime
    checked: int = 0
    found: list[Found] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    failure: str = ""
    endpoint: EndpointHealth | None = None


def compare(vendor_id: int) -> Comparison:
    """Compare everything. Call it with no transaction open; it holds none over a call to Stripe."""
    result = Comparison(vendor_id, clock.now())
    with unit_of_work.reading():
        source = fulfillment.source_of(vendor_id)
        result.found += local.unclaimed_payments(vendor_id) + local.unreadable_purchases(vendor_id)
        result.found += local.parked_events(vendor_id)
    if source is None:
        return result
    try:
        _Walk(source, result).run()
    except gateway.GatewayError as error:
        result.failure = error.message or type(error).__name__
        result.found.append(missing.lookup_failed(missing.ACCOUNT, result.failure))
    result.endpoint = endpoint.check_endpoint(source)
    return result


class _Walk:
    """The steps of one comparison, and what they share."""

    def __init__(self, source: Source, result: Comparison) -> None:
        self.source, self.result, self.vendor_id = source, result, source.vendor_id
        self.customers: dict[str, gateway.CustomerRead] = {}
        self.products: dict[str, gateway.ProductRead] = {}
        self.seen: set[str] = set()
        self.buyers: set[str] = set()
        self.began = clock.monotonic()
        with unit_of_work.reading():
            self.instance = local.instance_of(source.vendor_id)

    def run(self) -> None:
        """Customers first, because they say whose subscriptions are."""
        connection = self.source.connection
        self.customers = {read.id: read for read in gateway.list_customers(connection)}
        exact = self._given_back()
        for batch in _batches(gateway.list_purchases(connection)):
            self._subscriptions(batch, exact)
        self._once()
        self._missing()
        self._people()

    def _given_back(self) -> dict[str, Facts]:
        """Purchases whose money went back, read closely: the list of subscriptions does not show it."""
        since = self.result.started_at - LONG_AGO
        payments = gateway.list_payments_given_back(self.source.connection, int(since.timestamp()))
        newest = payments[:MOST_LOOKED_UP]
        ids = {stripe_id for payment in newest for stripe_id in fulfillment.purchases_of(self.source, payment)}
        return {facts.stripe_id: facts for facts in map(self._read, sorted(ids)) if facts is not None}

    def _subscriptions(self, batch: list[gateway.PurchaseRead], exact: dict[str, Facts]) -> None:
        self.seen |= {found.subscription.id for found in batch}
        asked_at = clock.now()
        wanted = sorted({item.product_id for found in batch for item in found.items} - set(self.products) - {""})
        self.products |= gateway.list_products(self.source.connection, wanted) if wanted else {}
        facts = [
            exact.get(found.subscription.id) or listed.facts_of(found, self.products, self.customers, asked_at)
            for found in batch
        ]
        mine = [one for one in facts if not self._is_foreign(one)]
        self.buyers |= {one.stripe_customer_id for one in mine}
        pairs = self._pairs(mine)
        unclear = {found.subscription.id for found in batch if listed.needs_a_closer_look(found)} - set(exact)
        closer = [pair for pair in pairs if pair.facts.stripe_id in unclear and not pair.held.state]
        read = [one for pair in closer if (one := self._read(pair.facts.stripe_id)) is not None]
        self._note([pair for pair in pairs if pair not in closer] + self._pairs(read))

    def _once(self) -> None:
        """Payments that happen once: those of the last weeks at Stripe, and all of ours."""
        since = self.result.started_at - LONG_AGO
        sold = gateway.list_sold_once(self.source.connection, int(since.timestamp()))
        with unit_of_work.reading():
            served = local.served(self.vendor_id, sold)
            keyless = local.once_without_key(self.vendor_id)
        self.result.checked += len(served)
        unserved = sorted(keyless) + [stripe_id for stripe_id in sold if stripe_id not in served | keyless]
        read = [facts for stripe_id in unserved[:MOST_LOOKED_UP] if (facts := self._read(stripe_id)) is not None]
        mine = {facts.stripe_id: facts for facts in read if not self._is_foreign(facts)}
        self._note(self._pairs([facts for facts in mine.values() if facts.stripe_id not in self.seen | served]))

    def _missing(self) -> None:
        """Subscriptions of ours that were not in the list: each is asked for by itself before anything is said."""
        with unit_of_work.reading():
            ours = local.subscriptions(self.vendor_id, self.source.connection.livemode, self.result.started_at)
        gone = sorted(ours - self.seen)
        for number, stripe_id in enumerate(gone):
            facts = self._read(stripe_id) if number < MOST_LOOKED_UP else None
            if facts is not None:
                self._note(self._pairs([facts]))
            elif stripe_id not in self.result.unsure:
                with unit_of_work.reading():
                    held = local.held_without_stripe(self.vendor_id, stripe_id)
                self.result.checked += 1
                self.result.found += missing.key_without_subscription(stripe_id, held)

    def _people(self) -> None:
        with unit_of_work.reading():
            known = local.known_people(self.vendor_id, self.source.connection.livemode, self.customers.values())
        known = people.Known(known.counterparts, known.customers, frozenset(self.buyers))
        livemode = self.source.connection.livemode
        in_mode = [
            read
            for read in self.customers.values()
            if read.livemode in (None, livemode) and not is_foreign(read.metadata, self.instance)
        ]
        self.result.found += people.duplicate_customers(in_mode, known) + people.unknown_customers(in_mode, known)

    def _pairs(self, facts: list[Facts]) -> list[Pair]:
        if not facts:
            return []
        with unit_of_work.reading():
            return comparing.pairs_of(self.vendor_id, facts, self.source.switches.grace_days)

    def _note(self, pairs: list[Pair]) -> None:
        """Keep what differs, but for what is being worked on at this moment."""
        with unit_of_work.reading():
            busy = local.just_told(self.vendor_id, [pair.facts.stripe_id for pair in pairs])
        for pair in pairs:
            self.result.checked += 1
            stripe_id, fetched_at = pair.facts.stripe_id, pair.held.fetched_at
            if stripe_id in busy or (fetched_at and fetched_at > pair.facts.fetched_at):
                self.result.unsure.add(stripe_id)
            else:
                self.result.found += comparing.differences(pair)

    def _read(self, stripe_id: str) -> Facts | None:
        """A purchase read closely; None where Stripe does not know it, and where it could not be looked up now."""
        if clock.monotonic() - self.began > LONGEST_LOOK:
            self.result.unsure.add(stripe_id)
            return None
        try:
            return fulfillment.read(self.source, stripe_id)
        except gateway.Unreachable:
            raise
        except gateway.GatewayError as error:
            self.result.unsure.add(stripe_id)
            self.result.found.append(missing.lookup_failed(stripe_id, error.message or type(error).__name__))
            return None

    def _is_foreign(self, facts: Facts) -> bool:
        """Whether it belongs to another installation on the account, or to the other mode."""
        instance = facts.metadata.get(INSTANCE) or facts.customer_metadata.get(INSTANCE, "")
        return facts.livemode is not self.source.connection.livemode or bool(instance and instance != self.instance)


def _batches(found: Iterable[gateway.PurchaseRead]) -> Iterator[list[gateway.PurchaseRead]]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH)):
        yield batch
