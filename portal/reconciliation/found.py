"""What a comparison finds: one difference, with what both sides say and what it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KINDS = (
    "charged_without_key",
    "temp_var_set",
    "key_without_subscription",
    "ended_but_valid",
    "paid_but_blocked",
    "period_differs",
    "quantity_differs",
    "wrong_customer",
    "dangling_key_id",
    "duplicate_customers",
    "unknown_customer",
    "unclaimed_payment",
    "lookup_failed",
)
LONGEST_SUBJECT = 255


@dataclass(frozen=True)
class Found:
    """A difference. subject: a Stripe id, or `license:<global id>`. purchase: the Stripe id that a repair reads again.

    stripe, ours: what each side says, as plain values whose names `words.label` knows. The same difference found again
    says the same: nothing in it depends on the moment of the comparison.
    """

    kind: str
    subject: str
    purchase: str = ""
    stripe: Mapping[str, Any] = field(default_factory=dict)
    ours: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None
    customer_id: int | None = None
    license_global_id: int | None = None
    amount_minor: int | None = None
    currency: str = ""

    @property
    def evidence(self) -> str:
        """As it is stored."""
        shown = {"purchase": self.purchase, "stripe": _plain(self.stripe), "ours": _plain(self.ours)}
        return json.dumps(shown, sort_keys=True, ensure_ascii=False)


def license_subject(global_id: int) -> str:
    """The subject of a difference about one license."""
    return f"license:{global_id}"


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in values.items() if value not in (None, "", ())}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_value(part) for part in value]
    return value if isinstance(value, str | int | bool) else str(value)
