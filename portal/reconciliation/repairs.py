"""Repair one finding: read Stripe again, change our side in one transaction, then write to Stripe.

The steps are joined by an edge, which commits: `read` (no transaction), `apply` or `rehearse` (in one), commit, `write`
(no transaction). A repair that takes something away from a customer needs to be told that it may.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask_babel import gettext as _

from portal import unit_of_work
from portal.billing import gateway
from portal.customers import service as customers
from portal.errors import Conflict, Invalid
from portal.extensions import db
from portal.fulfillment import service as fulfillment
from portal.fulfillment.reading import Source
from portal.reconciliation import ledger, remedies, snapshots
from portal.reconciliation.models import Finding
from portal.reconciliation.remedies import Case, Write
from portal.reconciliation.snapshots import Change
from portal.vendors.service import HasId


@dataclass(frozen=True)
class Ready:
    """A finding with everything a repair needs, read from Stripe just now. trouble: why that could not be read."""

    vendor: HasId
    finding_id: int
    case: Case
    source: Source | None = field(repr=False, default=None)
    trouble: str = ""


@dataclass(frozen=True)
class Result:
    """What a repair changes. writes: what goes to Stripe afterwards. outcome: in a sentence. is_done: nothing is left.

    seal: stands for exactly these changes, so that what is done is what was shown.
    """

    changes: tuple[Change, ...]
    writes: tuple[Write, ...]
    outcome: str
    is_done: bool

    @property
    def takes_away(self) -> bool:
        """Whether a customer loses something by it."""
        return any(change.takes_away for change in self.changes) or any(write.takes_away for write in self.writes)

    @property
    def seal(self) -> str:
        """Of all that it says."""
        told = [change.text for change in self.changes] + [write.text for write in self.writes]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


LONGEST = 1000  # of an outcome


class Changed(Conflict):
    """Meanwhile the repair would do something else than was shown. result: what."""

    def __init__(self, result: Result) -> None:
        super().__init__(_("Something has changed meanwhile. Please look again."))
        self.result = result


class TakesAway(Conflict):
    """The repair takes something away, and nobody has said that it may."""


def read(vendor: HasId, finding_id: int, chosen: int | None = None) -> Ready:
    """Look the purchase up at Stripe; with no transaction open. chosen: a customer of ours, where one must be named.

    Raises NotFound, Invalid(field="customer_id") and Conflict for a finding that is not open any more.
    """
    with unit_of_work.reading():
        finding = ledger.get(vendor, finding_id)
        if finding.state != ledger.OPEN:
            raise Conflict(_("This is settled already."))
        if chosen is not None and (chosen < 1 or customers.find(vendor, chosen) is None):
            raise Invalid(_("There is no customer with this id."), field="customer_id")
        case = remedies.case_of(finding, chosen)
        source = fulfillment.source_of(vendor.id)
    if source is None:
        return Ready(vendor, finding_id, case, trouble=_("There is no Stripe key yet."))
    try:
        return Ready(vendor, finding_id, remedies.look_up(source, case), source)
    except gateway.GatewayError as error:
        return Ready(vendor, finding_id, case, source, trouble=error.message or _("Stripe did not accept this step."))


def rehearse(ready: Ready) -> Result:
    """Do it and take it back: what would be changed. Ends the caller's transaction."""
    try:
        return _do(ready)
    finally:
        db.session.rollback()


def apply(ready: Ready, *, may_take_away: bool, seal: str | None = None) -> Result:
    """Change our side and close the finding if that settles it, in the caller's transaction.

    seal: of the result that was shown. Raises Changed where it would be another one, TakesAway, and Conflict.
    """
    result = _do(ready)
    if seal is not None and seal != result.seal:
        db.session.rollback()
        raise Changed(result)
    if result.takes_away and not may_take_away:
        db.session.rollback()
        raise TakesAway(_("This takes something away from a customer, so it needs your confirmation."))
    if result.is_done:
        finding = ledger.get(ready.vendor, ready.finding_id)
        ledger.close(finding, ledger.REPAIRED, result.outcome, ready.case.chosen)
    else:
        ledger.note_failure(ready.finding_id, result.outcome)
    return result


def write(ready: Ready, result: Result) -> str:
    """Write to Stripe what belongs there, with no transaction open; an empty text, or why it could not be done.

    Our side is committed by then. What could not be written is found and proposed again by the next comparison.
    """
    if ready.source is None:
        return ""
    try:
        for one in result.writes:
            one.perform(ready.source)
    except gateway.GatewayError as error:
        return error.message or _("Stripe did not accept this step.")
    return ""


def _do(ready: Ready) -> Result:
    if ready.trouble:
        return Result((), (), ready.trouble, is_done=False)
    case, vendor_id = ready.case, ready.vendor.id
    stripe_ids = [facts.stripe_id for facts in case.facts] + ([case.purchase] if case.purchase else [])
    global_ids = [case.license_global_id] if case.license_global_id else []
    before = snapshots.take(vendor_id, stripe_ids, global_ids)
    done = remedies.perform(ready.vendor, case)
    db.session.flush()
    changes = snapshots.changes(vendor_id, before, snapshots.take(vendor_id, stripe_ids, global_ids))
    return Result(tuple(changes), done.writes, done.outcome or _told(changes, done.writes), done.is_done)


def _told(changes: Sequence[Change], writes: Sequence[Write]) -> str:
    said = " ".join([change.text for change in changes] + [write.text for write in writes])
    return said[:LONGEST] or _("Both sides agree already. Nothing had to be changed.")


def findings_to_try(vendor: HasId) -> list[int]:
    """Open findings that `--repair` looks at: the oldest first."""
    mine = ledger.list_for(vendor, limit=10_000)
    return [finding.id for finding in reversed(mine) if _is_tried(finding)]


def _is_tried(finding: Finding) -> bool:
    return finding.kind not in remedies.ONLY_BY_STAFF
