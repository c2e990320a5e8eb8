"""The license page's read path: one prepared statement, rows turned into what the template prints.

The page is the most visited one, so nothing here loads entities, formats twice, or asks the database per row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import compress
from typing import Any, NamedTuple

from portal import addresses
from portal.billing.told import Facts, Reading, Told, tell
from portal.billing.words import why_blocked
from portal.fulfillment.card_rows import CARDS, KEY, NEWEST, PAGE, WIDTH
from portal.licenses import states
from portal.licenses.models import FEATURES
from portal.vendors.service import VendorProfile


class Card(NamedTuple):
    """One license as the page prints it.

    page: its own page's path. subscriptions: the ones that matter. why: it is blocked, where that is known.
    """

    customer_id: int
    page: str
    product: str
    key: str
    is_trial: bool
    is_subscription: bool
    is_expired: bool
    is_blocked: bool
    is_perpetual: bool
    expires: str
    machines: str
    features: str
    subscriptions: list[Told]
    why: str


class Coming(NamedTuple):
    """A subscription whose key does not exist yet."""

    customer_id: int
    told: Told


@dataclass(frozen=True, slots=True)
class CardPage:
    """What one license page shows. older: the GlobalId to go on before, or None at the end."""

    cards: list[Card]
    coming: list[Coming]
    older: int | None

    def groups(self) -> list[tuple[int, list[Told], list[Card]]]:
        """Per customer: their id, what still waits for its key, and the licenses; newest first."""
        grouped: dict[int, tuple[int, list[Told], list[Card]]] = {}
        for coming in self.coming:
            grouped.setdefault(coming.customer_id, (coming.customer_id, [], []))[1].append(coming.told)
        for card in self.cards:
            grouped.setdefault(card.customer_id, (card.customer_id, [], []))[2].append(card)
        return list(grouped.values())


def find(vendor: VendorProfile, user_id: int, reading: Reading, before: int | None = None) -> CardPage:
    """The visitor's licenses at a vendor, newest first, and subscriptions still waiting for a key: one query."""
    newest = NEWEST if before is None else before
    licenses: dict[int, Any] = {}
    paid: dict[int, list[Facts]] = {}
    coming = []
    for row in CARDS.all(vendor_id=vendor.id, user_id=user_id, before=newest):
        stored = Facts._make(row[WIDTH:]) if row[WIDTH] is not None else None
        global_id = row[1]
        if global_id is None:
            if stored is not None and not stored.is_over:
                coming.append(Coming(row[0], tell(stored, reading)))
            continue
        if row[KEY] is not None:
            licenses[global_id] = row
        if stored is not None:
            paid.setdefault(global_id, []).append(stored)
    ids = sorted(licenses, reverse=True)
    pages = addresses.portal_path(vendor, "Licenses/")
    cards = [_card(licenses[number], paid.get(number, ()), reading, f"{pages}{number}") for number in ids[:PAGE]]
    return CardPage(cards, coming, ids[PAGE - 1] if len(ids) > PAGE else None)


@lru_cache(maxsize=4096)
def kind_of(definitions: str, flags: tuple[int, ...]) -> tuple[bool, bool, str]:
    """By the active features: whether they limit the time, whether they make a trial, and their names."""
    known, active = json.loads(definitions), list(compress(FEATURES, flags))
    limited = states.is_time_limited(known, active, all_limited=False, period=0)
    names = ", ".join(states.feature_names(known, active))
    return limited, states.is_trial(known, active, trial_activation=False), names


def _card(row: Any, stored: Sequence[Facts], reading: Reading, page: str) -> Card:
    customer_id, _global_id, product, key, expires_at, period, block, trial, most, used, all_limited = row[:11]
    limited_by_feature, trial_by_feature, features = kind_of(row[11], row[12:20])
    limited = limited_by_feature or all_limited or period > 0
    expired = states.is_expired(time_limited=limited, expires_at=expires_at, at=reading.now)
    ends = expires_at if limited else None
    works_until = end_of(ends, stored, reading.now)
    why = why_blocked(row[20] or "", reading.locale) if block else ""
    told = [tell(facts, reading, block, expired, ends, why) for facts in _that_matter(stored)] if stored else []
    text = reading.words
    machines = text.machines if most > 0 else text.machines_without_limit
    return Card(
        customer_id,
        page,
        product,
        key,
        trial or trial_by_feature,
        bool(told) and not told[0].is_over,
        expired,
        block,
        not limited,
        reading.days_from_today(works_until) if works_until else text.never,
        machines % {"used": used, "most": most},
        features,
        told,
        why,
    )


def end_of(expires_at: datetime | None, stored: Iterable[Facts], now: datetime) -> datetime | None:
    """When a key stops working as things stand: at its end, or with the subscriptions that pay it once all will end."""
    ends = [facts.ends_at for facts in stored if not facts.is_over]
    last = max((at for at in ends if at is not None), default=None)
    if last is None or None in ends or last <= now:
        return expires_at
    return min(last, expires_at or last)


def _that_matter(stored: Sequence[Facts]) -> Sequence[Facts]:
    """The subscriptions that go on, the one that runs longest first; where none does, the one that ended last."""
    if len(stored) < 2:
        return stored
    by_end = sorted({facts.stripe_id: facts for facts in stored}.values(), key=_end, reverse=True)
    return [facts for facts in by_end if not facts.is_over] or by_end[:1]


def _end(facts: Facts) -> tuple[bool, datetime | None, str]:
    end = facts.ends_at or facts.period_end
    return (end is not None, end, facts.stripe_id)
