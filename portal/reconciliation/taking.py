"""Repairs that take something away: only after Stripe was read again, and only with a person's confirmation."""

from __future__ import annotations

from portal import clock
from portal.audit import service as audit
from portal.fulfillment import states
from portal.licenses import desk
from portal.licenses import service as licenses
from portal.reconciliation import comparing
from portal.reconciliation.case import Case, Done
from portal.reconciliation.pairs import Key, Pair
from portal.vendors import service as vendors
from portal.vendors.service import HasId


def block(vendor: HasId, case: Case, done: Done) -> Done:
    """Block a key whose purchase is over at Stripe right now, where fulfillment did not: staff had let it go on."""
    for pair, key in _subjects(vendor, case):
        if pair.facts.effect == states.END and key.is_valid(clock.now()) and not key.is_paid_elsewhere:
            desk.set_block(vendor, licenses.get(vendor, key.global_id), True)
            return Done(True, "", done.writes)
    return done


def shorten(vendor: HasId, case: Case, done: Done) -> Done:
    """Move the end of a key back to what is paid at Stripe right now, and the days of grace."""
    for pair, key in _subjects(vendor, case):
        expected = pair.expected_of(key)
        if not pair.is_served or expected is None or expected.paid_until is None:
            continue
        license = licenses.get(vendor, key.global_id)
        before, license.expires_at = license.expires_at, expected.paid_until + pair.grace
        audit.record(
            vendor.id,
            "license.shorten",
            f"license:{license.global_id}",
            before={"expires_at": before},
            after={"expires_at": license.expires_at},
        )
        return Done(True, "", done.writes)
    return done


def _subjects(vendor: HasId, case: Case) -> list[tuple[Pair, Key]]:
    grace = vendors.switches_of(vendors.get(vendor.id)).grace_days
    pairs = comparing.pairs_of(vendor.id, case.facts, grace)
    mine = [(pair, key) for pair in pairs for key in pair.held.keys_of_owner]
    return [(pair, key) for pair, key in mine if key.global_id == case.license_global_id]
