"""What staff do at the desk, in steps of the services behind it."""

from __future__ import annotations

import contextvars
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from portal.extensions import db
from portal.outbox import service as outbox
from portal.reconciliation import account, ledger, repairs
from portal.reconciliation.models import Finding
from portal.reconciliation.repairs import Result
from tests.fulfillment.story import Story


@dataclass(frozen=True)
class Owner:
    """A vendor's number; looking the row up would open a transaction."""

    id: int


@dataclass
class Desk:
    """Compare, look, rehearse, repair."""

    story: Story

    def compare(self) -> dict[str, int]:
        """One comparison; how many findings of each class count now, zeros left out."""
        db.session.commit()
        return contextvars.Context().run(self._compare)

    def _compare(self) -> dict[str, int]:
        with self.story.app.app_context():
            counted = ledger.record(account.compare(self.story.vendor_id))
            db.session.commit()
            return {kind: number for kind, number in counted.items() if number}

    def watch(self) -> None:
        """One turn of the watch, and what it leads to."""
        outbox.queue_job("reconciliation.watch", vendor_id=None)
        assert self.story.work().failed == 0

    def open(self) -> list[Finding]:
        """The open findings, oldest first."""
        return self.all("open")

    def all(self, state: str = "") -> list[Finding]:
        """Findings of a state, or all of them."""
        db.session.rollback()
        mine = select(Finding).order_by(Finding.id)
        return list(db.session.scalars(mine.where(Finding.state == state) if state else mine))

    def states(self) -> dict[str, int]:
        """How many findings are in each state."""
        return dict(Counter(finding.state for finding in self.all()))

    def the(self, kind: str) -> Finding:
        """The one open finding of a class."""
        (finding,) = [finding for finding in self.open() if finding.kind == kind]
        return finding

    def evidence(self, kind: str) -> dict[str, Any]:
        """What both sides say."""
        return dict(json.loads(self.the(kind).evidence))

    def rehearse(self, kind: str, chosen: int | None = None) -> Result:
        """The dry run."""
        finding_id = self.the(kind).id
        db.session.commit()
        return contextvars.Context().run(self._rehearse, finding_id, chosen)

    def _rehearse(self, finding_id: int, chosen: int | None) -> Result:
        with self.story.app.app_context():
            return repairs.rehearse(repairs.read(Owner(self.story.vendor_id), finding_id, chosen))

    def repair(self, kind: str, chosen: int | None = None, *, may_take_away: bool = False) -> Result:
        """The confirmed click; what it says is what the dry run said."""
        shown = self.rehearse(kind, chosen)
        finding_id = self.the(kind).id
        db.session.commit()
        return contextvars.Context().run(self._repair, finding_id, chosen, may_take_away, shown.seal)

    def _repair(self, finding_id: int, chosen: int | None, may_take_away: bool, seal: str) -> Result:
        with self.story.app.app_context():
            ready = repairs.read(Owner(self.story.vendor_id), finding_id, chosen)
            result = repairs.apply(ready, may_take_away=may_take_away, seal=seal)
            db.session.commit()
            assert repairs.write(ready, result) == ""
            db.session.commit()
            return result

    def repair_unasked(self, finding_id: int) -> None:
        """What `latchkey reconcile --repair` does about a finding."""
        db.session.commit()
        contextvars.Context().run(self._repair_unasked, finding_id)

    def _repair_unasked(self, finding_id: int) -> None:
        with self.story.app.app_context():
            ready = repairs.read(Owner(self.story.vendor_id), finding_id)
            try:
                repairs.apply(ready, may_take_away=False)
                db.session.commit()
            except repairs.TakesAway:
                db.session.rollback()
