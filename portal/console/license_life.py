"""How a license follows Stripe, in words: every state, and the life of a subscription under a vendor's policies.

`docs/fulfillment.md` tells the same; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from portal.fulfillment import states
from portal.fulfillment.states import State
from portal.vendors.switches import Switches


@dataclass(frozen=True)
class Group:
    """States of one kind, and what becomes of the license in each. words: by effect; %(grace)s is filled in."""

    title: Any
    states: Mapping[str, State]
    words: Mapping[str, Any]


@dataclass(frozen=True)
class ByPolicy:
    """What becomes of the key depends on a switch. words: by its value."""

    switch: str
    words: Mapping[str, Any]


MEANS = {
    states.WAIT: _l("No key: nothing was paid."),
    states.SERVE: _l("Made, or extended to the end of what is paid and %(grace)s. A block of ours is lifted."),
    states.KEEP: _l("Stays as it is, and ends by itself after %(grace)s."),
    states.SUSPEND: _l("Stays as it is, and is blocked after %(grace)s."),
    states.END: _l("Blocked."),
    states.LOOK: _l("Stays as it is, and staff should look."),
}
MADE_ONCE = MEANS | {states.SERVE: _l("Made. It ends after the plan's Period, or never.")}
GROUPS = (
    Group(_l("Subscriptions"), states.SUBSCRIPTION_STATES, MEANS),
    Group(
        _l("Payments that happen once"),
        states.PAYMENT_STATES,
        MADE_ONCE | {states.WAIT: _l("No key: the bank is waited for.")},
    ),
    Group(_l("Invoices without a subscription"), states.INVOICE_STATES, MADE_ONCE),
)
REST = _l("anything else")
BLOCKED_BY_REFUND = {
    "block": _l("Is blocked, by your refund policy."),
    "keep": _l("Stays as it is, by your refund policy."),
}
BLOCKED_BY_DISPUTE = {
    "suspend": _l("Is blocked, by your dispute policy."),
    "keep": _l("Stays as it is, by your dispute policy."),
}
LIFE: tuple[tuple[Any, Any], ...] = (
    (
        _l("A trial begins, ends, is paid"),
        _l("Runs to the end of the trial, then of the first period, each with %(grace)s."),
    ),
    (_l("Renewal"), _l("Runs to the end of the new period and %(grace)s.")),
    (_l("Another plan of the same product"), _l("Takes the features and machines of the new plan.")),
    (_l("Another product"), _l("Is blocked and waits; the other product gets a key of its own.")),
    (_l("A higher quantity"), _l("Is joined by more keys, or allows more machines; blocked ones are opened first.")),
    (_l("A lower quantity"), _l("The newest ones are blocked, or it allows fewer machines.")),
    (_l("An upgrade whose payment is open (pending_update)"), _l("Stays as it is until it is paid.")),
    (
        _l("An item is replaced by another whose payment is open"),
        _l("Stays as it is until that is paid; without one yet, the key that was paid for is made."),
    ),
    (_l("The renewal fails"), _l("Works on for %(grace)s; the customer is mailed.")),
    (_l("It is paid later"), _l("Runs on as if nothing had happened.")),
    (
        _l("Collection is paused"),
        _l("Ends with what was paid; paused as “offer services for free”, it goes on."),
    ),
    (_l("It is resumed"), _l("Runs on.")),
    (
        _l("Canceled at the end of the period, in either billing mode"),
        _l("Runs to the end of the period, and is blocked when Stripe ends the subscription."),
    ),
    (_l("The cancellation is taken back"), _l("Runs on.")),
    (_l("Canceled at once"), _l("Is blocked.")),
    (_l("The whole last payment is refunded"), ByPolicy("refund_policy", BLOCKED_BY_REFUND)),
    (_l("A part is refunded"), _l("Stays as it is.")),
    (_l("A dispute is opened"), ByPolicy("dispute_policy", BLOCKED_BY_DISPUTE)),
    (
        _l("The dispute is won"),
        ByPolicy("dispute_policy", {"suspend": _l("Works again."), "keep": _l("Stays as it is.")}),
    ),
    (
        _l("The dispute is lost"),
        ByPolicy(
            "refund_policy",
            {
                "block": _l("Counts as a full refund: is blocked, by your refund policy."),
                "keep": _l("Counts as a full refund: works on, by your refund policy."),
            },
        ),
    ),
)


def groups(switches: Switches) -> list[tuple[str, list[tuple[str, str]]]]:
    """Each group's title, and its rows: Stripe's word, and what it means for the license."""
    return [(str(group.title), _rows(group, switches)) for group in GROUPS]


def life(switches: Switches) -> list[tuple[str, str]]:
    """What happens in the life of a subscription, and what becomes of its key."""
    return [(str(what), _filled(key, switches)) for what, key in LIFE]


def _rows(group: Group, switches: Switches) -> list[tuple[str, str]]:
    known = [(status, _filled(group.words[state.effect], switches)) for status, state in group.states.items()]
    return [*known, (str(REST), _filled(group.words[states.UNKNOWN.effect], switches))]


def _filled(words: Any, switches: Switches) -> str:
    if isinstance(words, ByPolicy):
        words = words.words[getattr(switches, words.switch)]
    grace = ngettext("%(num)s day of grace", "%(num)s days of grace", switches.grace_days)
    return str(words) % {"grace": grace}
