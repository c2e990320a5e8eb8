"""What a dry run says is said again when it is done: the same sentences in the same order."""

from __future__ import annotations

from portal.extensions import db
from portal.outbox.models import OutboxItem
from portal.reconciliation import snapshots
from portal.vendors.models import Vendor


def test_mails_are_told_in_the_order_in_which_they_were_queued(vendor: Vendor) -> None:
    # Not the order of addresses, by which the index finds them, nor the one in which the rows lie in the table.
    before = snapshots.take(vendor.id, [], [])
    for later, recipient in ((2, "ada@payer.example"), (1, "owner@acme.example")):
        item = OutboxItem(
            id=before.newest_mail + later, vendor_id=vendor.id, kind="mail", name="n", recipient=recipient
        )
        db.session.add(item)
        db.session.flush()

    told = snapshots.changes(vendor.id, before, snapshots.take(vendor.id, [], []))

    assert [change.text for change in told] == ["A mail tells owner@acme.example.", "A mail tells ada@payer.example."]
