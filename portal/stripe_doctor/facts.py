"""What the checks look at: our side from our tables, Stripe's side from one reading. None: could not be looked at."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from portal.billing.gateway import CustomerRead
from portal.billing.gateway.configurations import ConfigurationRead
from portal.billing.gateway.endpoints import EndpointRead
from portal.billing.gateway.prices import PriceRead
from portal.billing.gateway.samples import HappenedRead, RunningRead, Sample, SoldProduct
from portal.licenses.limits import Limits


@dataclass(frozen=True)
class Linked:
    """One of our customers with a counterpart at Stripe, and the address we have recorded."""

    customer_id: int
    stripe_id: str
    email: str


@dataclass(frozen=True)
class Ours:
    """What our tables say about a vendor. products: names by id. limits: what makes their licenses end.

    linked: the newest of `linked_count`. other_mode: customers and subscriptions read in the other mode.
    newest_event_at: of the inbox. is_sandbox: a stand-in plays Stripe. awaited: purchases whose money was still on its
    way when they were last read, not long ago.
    """

    vendor_id: int
    livemode: bool
    is_restricted: bool
    is_sandbox: bool
    endpoint_url: str
    endpoint_id: str
    secret_count: int
    configuration_id: str
    login_link: str
    products: dict[int, str]
    limits: dict[int, Limits]
    linked: tuple[Linked, ...]
    linked_count: int
    other_mode: tuple[int, int]
    newest_event_at: datetime | None
    awaited: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Theirs:
    """What Stripe said.

    asked_at: our clock when it gave `stripe_time`. delivered, undelivered: the newest of our events that every endpoint
    has taken, and that some has not. picks: by address, the customer that Stripe's login page would take. emails: of
    our customers' counterparts. gone: counterparts that Stripe does not know any more. refused: parts that the key may
    not see. skipped: parts for which no time was left.
    """

    asked_at: datetime
    account_id: str = ""
    stripe_time: datetime | None = None
    missing: tuple[tuple[str, str], ...] = ()
    endpoints: tuple[EndpointRead, ...] | None = None
    newest_event: HappenedRead | None = None
    delivered: HappenedRead | None = None
    undelivered: HappenedRead | None = None
    products: Sample[SoldProduct] | None = None
    prices: Sample[PriceRead] | None = None
    configurations: tuple[ConfigurationRead, ...] | None = None
    customers: Sample[CustomerRead] | None = None
    picks: dict[str, str] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    subscriptions: Sample[RunningRead] | None = None
    refused: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Both sides."""

    ours: Ours
    theirs: Theirs

    def configuration(self) -> ConfigurationRead | None:
        """The configuration that billing sessions use: our own, else the account's default."""
        found = {one.id: one for one in self.theirs.configurations or ()}
        if self.ours.configuration_id:
            chosen = found.get(self.ours.configuration_id)
            return chosen if chosen is not None and chosen.is_active else None
        return next((one for one in found.values() if one.is_default and one.is_active), None)


def same_address(found: Sample[CustomerRead] | None) -> dict[str, list[CustomerRead]]:
    """Addresses that several customers have, with those customers, the newest first."""
    by_email: dict[str, list[CustomerRead]] = defaultdict(list)
    for one in found.found if found else ():
        if one.email and not one.is_deleted:
            by_email[one.email.lower()].append(one)
    return {email: same for email, same in by_email.items() if len(same) > 1}
