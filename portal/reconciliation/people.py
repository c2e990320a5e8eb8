"""Customers at Stripe compared with ours: several for one person, and numbers that nobody has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal.billing.gateway import CustomerRead
from portal.billing.links import number_in
from portal.reconciliation.found import LONGEST_SUBJECT, Found
from portal.reconciliation.naming import CUSTOMER

DUPLICATE_OF = "latchkey_duplicate_of"
SHOWN = 10


@dataclass(frozen=True)
class Known:
    """What we know of Stripe's customers: counterparts by `cus_…`, which numbers are customers, who ever bought."""

    counterparts: dict[str, int]
    customers: frozenset[int]
    buyers: frozenset[str]

    def number_of(self, read: CustomerRead) -> int | None:
        """Our customer behind one of Stripe's."""
        return self.counterparts.get(read.id) or number_in(read.metadata, CUSTOMER)

    def is_ours(self, read: CustomerRead) -> bool:
        """Whether it has to do with us at all: the account may serve other businesses, too."""
        return read.id in self.buyers or self.number_of(read) is not None


def duplicate_customers(customers: Sequence[CustomerRead], known: Known) -> list[Found]:
    """Several of Stripe's customers have one address, or name one customer of ours; newest first.

    Stripe's login page shows only one of them, and a purchase by the other one may find nobody. Those marked with
    `latchkey_duplicate_of` are settled.
    """
    by_address: dict[str, list[CustomerRead]] = defaultdict(list)
    by_number: dict[int, list[CustomerRead]] = defaultdict(list)
    for read in _counted(customers):
        if read.email:
            by_address[read.email.strip().lower()].append(read)
        if number := known.number_of(read):
            by_number[number].append(read)
    groups: dict[str, list[CustomerRead]] = {}
    for group in [*by_address.values(), *by_number.values()]:
        if len(group) > 1 and any(known.is_ours(read) for read in group):
            groups.setdefault(_counting(group, known).id, group)
    return [_duplicates(group, known) for group in groups.values()]


def _counting(group: Sequence[CustomerRead], known: Known) -> CustomerRead:
    """The one that counts: our counterpart, else a buyer, else the oldest."""
    oldest_first = group[::-1]
    ranked = [read for read in oldest_first if read.id in known.counterparts]
    ranked += [read for read in oldest_first if read.id in known.buyers]
    return (ranked or oldest_first)[0]


def _duplicates(group: Sequence[CustomerRead], known: Known) -> Found:
    main = _counting(group, known)
    numbers = sorted({number for read in group if (number := known.number_of(read))})
    return Found(
        "duplicate_customers",
        main.id,
        stripe={
            "email": main.email,
            "stripe_customers": sorted(read.id for read in group)[:SHOWN],
            "buyers": sorted(read.id for read in group if read.id in known.buyers)[:SHOWN],
            "count": len(group),
        },
        ours={"owners": numbers[:SHOWN], "counterpart": main.id if main.id in known.counterparts else None},
        customer_id=numbers[0] if len(numbers) == 1 and numbers[0] in known.customers else None,
    )


def unknown_customers(customers: Iterable[CustomerRead], known: Known) -> list[Found]:
    """A customer at Stripe names a customer number that nobody has here."""
    return [
        Found(
            "unknown_customer",
            read.id[:LONGEST_SUBJECT],
            stripe={CUSTOMER: read.metadata[CUSTOMER][:100], "email": read.email, "stripe_customer": read.id},
            ours={"owner": known.counterparts.get(read.id)},
            customer_id=known.counterparts.get(read.id),
        )
        for read in _counted(customers)
        if read.metadata.get(CUSTOMER, "").strip() and number_in(read.metadata, CUSTOMER) not in known.customers
    ]


def _counted(customers: Iterable[CustomerRead]) -> list[CustomerRead]:
    return [read for read in customers if not read.is_deleted and DUPLICATE_OF not in read.metadata]
