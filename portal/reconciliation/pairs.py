"""One purchase as both sides know it: the facts from Stripe, and the keys we hold for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.fulfillment import states
from portal.fulfillment.facts import Facts

NO_LONGER_PAID = ("refunded", "disputed")


@dataclass(frozen=True)
class Key:
    """A license of ours. source, ordinal: the paid unit it stands for; empty where a purchase only names or links it.

    blocked_because: why we blocked it; a blocked license without a reason was blocked by staff. is_limited: it ends at
    all. is_paid_elsewhere: another purchase pays it too.
    """

    global_id: int
    number: int
    product_id: int
    customer_id: int | None
    shown: str
    expires_at: datetime
    is_limited: bool
    is_blocked: bool
    machines: int
    source: str = ""
    ordinal: int = 0
    blocked_because: str = ""
    is_paid_elsewhere: bool = False

    def is_valid(self, at: datetime) -> bool:
        """Whether an application would accept it."""
        return not self.is_blocked and not (self.is_limited and self.expires_at <= at)


@dataclass(frozen=True)
class Expected:
    """What one item at Stripe pays for. machines: of its key, where the quantity means machines."""

    source: str
    product_id: int
    keys: int
    machines: int | None
    paid_until: datetime | None
    is_paid: bool
    makes_blocked: bool


@dataclass(frozen=True)
class Named:
    """A key that the metadata names: under which name, what stands there, and the license if there is one."""

    name: str
    text: str
    key: Key | None


@dataclass(frozen=True)
class Held:
    """Our side of a purchase. state: empty where we never saw it. keys: of its paid units, in order.

    customer_id: whose it is by our record; meant: whose it would be by what Stripe names. amount_minor: as we last read
    it. linked: the license our
    record of the subscription points at. customers: which of the numbers that Stripe names are customers of ours.
    """

    state: str = ""
    reason: str = ""
    customer_id: int | None = None
    meant: int | None = None
    fetched_at: datetime | None = None
    amount_minor: int | None = None
    currency: str = ""
    keys: tuple[Key, ...] = ()
    linked: Key | None = None
    named: tuple[Named, ...] = ()
    customers: frozenset[int] = frozenset()

    @property
    def all_keys(self) -> tuple[Key, ...]:
        """The keys of its units, else those it is linked with or names."""
        if self.keys:
            return self.keys
        others = ([self.linked] if self.linked else []) + [named.key for named in self.named if named.key]
        return tuple({key.global_id: key for key in others}.values())

    @property
    def owner(self) -> int | None:
        """Whose it is, as far as that is known."""
        return self.customer_id or self.meant

    @property
    def keys_of_owner(self) -> tuple[Key, ...]:
        """The keys that stand for it; a key of somebody else that is only named, by mistake, is none."""
        return self.keys or tuple(
            key for key in self.all_keys if self.owner is None or key.customer_id in (None, self.owner)
        )

    @property
    def lost_its_money(self) -> bool:
        """Whether we ended it because the money went back, which a list of subscriptions does not show."""
        return self.state == "ended" and self.reason in NO_LONGER_PAID


@dataclass(frozen=True)
class Pair:
    """Both sides at one moment. grace: days of grace of the vendor. trouble: why a line cannot become a key."""

    facts: Facts
    held: Held
    expected: tuple[Expected, ...]
    trouble: str
    grace: timedelta
    at: datetime

    @property
    def is_served(self) -> bool:
        """Whether Stripe says that keys are due now; not while all that is paid for waits to be replaced."""
        is_paid = any(line.is_paid and not line.is_gone for line in self.facts.lines)
        return self.facts.effect == states.SERVE and is_paid and not self.held.lost_its_money

    @property
    def has_ended(self) -> bool:
        """Whether Stripe says that it is over, or the money went back."""
        return self.facts.effect == states.END

    @property
    def is_running(self) -> bool:
        """Whether there is or was money behind it, and it has not ended."""
        return self.facts.effect not in (states.END, states.WAIT)

    @property
    def since(self) -> datetime | None:
        """When it began at Stripe, as far as that is known."""
        return self.facts.purchase.subscription.started_at if self.facts.purchase else None

    def expected_of(self, key: Key) -> Expected | None:
        """What pays a key: its item, else the only item of its product."""
        same = [one for one in self.expected if one.source == key.source]
        of_product = [one for one in self.expected if one.product_id == key.product_id]
        return same[0] if same else of_product[0] if len(of_product) == 1 else None
