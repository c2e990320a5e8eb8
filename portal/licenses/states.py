"""What a license is at a moment: pure rules, no database (PRODUCT 5.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from portal.licenses.models import TIME_LIMITED, TRIAL

ENDED = frozenset({"canceled", "incomplete_expired"})
Definitions = Mapping[str, Mapping[str, Any]]


def has_type(definitions: Definitions, active: Iterable[str], wanted: int) -> bool:
    """Whether one of the active features (`f1`…) is of this type."""
    return any(definitions[name].get("type", 0) == wanted for name in active if name in definitions)


def is_time_limited(definitions: Definitions, active: Iterable[str], *, all_limited: bool, period: int) -> bool:
    """Whether the license ends at all: by its product, by an active time-limited feature, or by its period in days."""
    return all_limited or period > 0 or has_type(definitions, active, TIME_LIMITED)


def is_trial(definitions: Definitions, active: Iterable[str], *, trial_activation: bool) -> bool:
    """Whether it is a trial license: by an active trial feature, or by TrialActivation."""
    return trial_activation or has_type(definitions, active, TRIAL)


def is_expired(*, time_limited: bool, expires_at: datetime, at: datetime) -> bool:
    """Whether it is over: time-limited, and past its expiry."""
    return time_limited and expires_at <= at


def has_ended(status: str) -> bool:
    """Whether a subscription of this status is over for good. A status we do not know has not ended."""
    return status in ENDED


def feature_names(definitions: Definitions, active: Iterable[str]) -> list[str]:
    """The active features by the names the product gives them; unnamed ones as `F1`."""
    return [str(definitions.get(name, {}).get("name") or name.upper()) for name in active]
