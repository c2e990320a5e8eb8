"""What the last run found, as it is kept with the vendor's account and shown on the page."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.stripe_doctor import findings
from portal.stripe_doctor.findings import GROUPS, SEVERITIES, Finding
from portal.webhooks import endpoint

PART = "doctor"
CHECKED, REFUSED, AWAY = "checked", "refused", "away"
MOST_KEPT = 200


@dataclass(frozen=True)
class Report:
    """One run. state: checked, refused (the key opens nothing) or away (no answer).

    counts: how much was looked at: name → (looked at, of how many; None for "there are more"). checked_at: of the last
    run that got answers; tried_at: of the last one. left_out: findings beyond those kept.
    """

    state: str
    steps: dict[str, str] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    counts: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    livemode: bool | None = None
    account_id: str = ""
    checked_at: datetime | None = None
    tried_at: datetime | None = None
    left_out: int = 0

    def groups(self) -> list[tuple[str, list[Finding]]]:
        """Findings by group, the worst first."""
        order = sorted(self.found, key=lambda one: SEVERITIES.index(one.severity))
        return [(group, [one for one in order if one.group == group]) for group in GROUPS]

    def number(self, severity: str) -> int:
        """How many findings of this severity."""
        return sum(one.severity == severity for one in self.found)


def keep(account: StripeAccount, report: Report) -> None:
    """Store a run. Without answers, the findings of the run before stay."""
    kept = endpoint.stored(account)
    before = kept.get(PART)
    now: dict[str, Any] = {"state": report.state, "tried_at": _text(report.tried_at)}
    if report.state == CHECKED:
        now |= {
            "steps": report.steps,
            "found": findings.dump(report.found[:MOST_KEPT]),
            "counts": report.counts,
            "livemode": report.livemode,
            "account_id": report.account_id,
            "checked_at": _text(report.checked_at),
            "left_out": max(0, len(report.found) - MOST_KEPT),
        }
        account.checked_at = report.checked_at
    kept[PART] = {**(before if isinstance(before, dict) else {}), **now}
    account.health = json.dumps(kept)


def last_of(vendor_id: int) -> Report | None:
    """The last run, or None before the first."""
    account = db.session.get(StripeAccount, vendor_id)
    kept: Any = endpoint.stored(account).get(PART) if account is not None else None
    if not isinstance(kept, dict):
        return None
    return Report(
        state=str(kept.get("state") or AWAY),
        steps=dict(kept.get("steps") or {}),
        found=findings.load(kept.get("found")),
        counts={name: (pair[0], pair[1]) for name, pair in (kept.get("counts") or {}).items()},
        livemode=kept.get("livemode"),
        account_id=str(kept.get("account_id") or ""),
        checked_at=_time(kept.get("checked_at")),
        tried_at=_time(kept.get("tried_at")),
        left_out=int(kept.get("left_out") or 0),
    )


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
