"""Checks of the API key, the mode, and the clock."""

from __future__ import annotations

from portal.stripe_doctor.facts import Facts
from portal.stripe_doctor.findings import BROKEN, HINT, WARNING, Finding

SLOW_SECONDS, BROKEN_SECONDS = 60, 300  # a signature may be five minutes old, or ahead
MOVED_SECONDS = 3600  # somebody has moved the clock of the stand-in, to see what happens
# A vendor may do these parts in Stripe's dashboard instead.
SET_UP_ONLY = (("Products", "Write"), ("Prices", "Write"), ("Webhook Endpoints", "Write"))


def check(facts: Facts) -> list[Finding]:
    """All of them."""
    return [*_restricted(facts), *_permissions(facts), *_refused(facts), *_mode(facts), *clock_of(facts)]


def _restricted(facts: Facts) -> list[Finding]:
    return [] if facts.ours.is_restricted else [Finding("key_unrestricted", "key", HINT)]


def _permissions(facts: Facts) -> list[Finding]:
    return [
        Finding(
            "permission_set_up" if (name, level) in SET_UP_ONLY else "permission_missing",
            "key",
            HINT if (name, level) in SET_UP_ONLY else BROKEN,
            values={"name": name, "level": level},
        )
        for name, level in facts.theirs.missing
    ]


def missing_in(found: list[Finding]) -> tuple[tuple[str, str], ...]:
    """The permissions that findings say are missing."""
    codes = ("permission_missing", "permission_set_up")
    return tuple((str(one.values["name"]), str(one.values["level"])) for one in found if one.code in codes)


def _refused(facts: Facts) -> list[Finding]:
    """Parts that could not be looked at; a permission that is known to be missing says it already."""
    if facts.theirs.missing:
        return []
    return [Finding("not_looked", "key", WARNING, values={"part": part}) for part in facts.theirs.refused]


def _mode(facts: Facts) -> list[Finding]:
    customers, subscriptions = facts.ours.other_mode
    if not customers and not subscriptions:
        return []
    values = {"customers": customers, "subscriptions": subscriptions, "livemode": not facts.ours.livemode}
    return [Finding("other_mode", "key", HINT, values=values)]


def clock_of(facts: Facts) -> list[Finding]:
    """Our clock against Stripe's: signatures carry a time."""
    if facts.theirs.stripe_time is None:
        return []
    seconds = round((facts.theirs.asked_at - facts.theirs.stripe_time).total_seconds())
    is_moved = facts.ours.is_sandbox and abs(seconds) > MOVED_SECONDS
    if abs(seconds) <= SLOW_SECONDS or is_moved:
        return []
    severity = BROKEN if abs(seconds) > BROKEN_SECONDS else WARNING
    return [Finding("clock_fast" if seconds > 0 else "clock_slow", "key", severity, values={"seconds": abs(seconds)})]
