"""What a check found, in plain values: it is kept as JSON, and put into words when a page shows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

BROKEN, WARNING, HINT = "broken", "warning", "hint"
SEVERITIES = (BROKEN, WARNING, HINT)
GROUPS = ("key", "webhooks", "catalog", "portal", "customers")


@dataclass(frozen=True)
class Finding:
    """One thing to mend. code: see `words`. group: one of GROUPS. about: the Stripe id it is about, or empty.

    severity: broken (customers or payments suffer), warning (something is missing or will go wrong) or hint.
    """

    code: str
    group: str
    severity: str
    about: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def dump(found: list[Finding]) -> list[dict[str, Any]]:
    """Fit for JSON."""
    return [asdict(one) for one in found]


def load(kept: Any) -> list[Finding]:
    """What `dump` made; anything else is left out."""
    rows = kept if isinstance(kept, list) else []
    return [Finding(**row) for row in rows if isinstance(row, dict) and set(row) == set(Finding.__dataclass_fields__)]
