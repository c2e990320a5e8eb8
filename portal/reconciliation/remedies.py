"""What is done about each class. Most of it is reading the purchase again and letting fulfillment do its work."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask_babel import gettext as _

from portal.billing import gateway
from portal.extensions import db
from portal.fulfillment import plans, unclaimed
from portal.fulfillment import service as fulfillment
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import Purchase
from portal.fulfillment.reading import Source
from portal.reconciliation import binding, comparing, ledger, local, marking, money, parting, taking, words
from portal.reconciliation.case import Case, Done, Write
from portal.reconciliation.missing import ACCOUNT
from portal.reconciliation.models import Finding
from portal.vendors import service as vendors
from portal.vendors.service import HasId

# Classes where a person must decide: whose it is, whether two are one, whether a link is over.
ONLY_BY_STAFF = frozenset({"key_without_subscription", "wrong_customer", "duplicate_customers", "unclaimed_payment"})
WITH_A_CHOICE = frozenset({"wrong_customer", "unknown_customer", "unclaimed_payment", "duplicate_customers"})
__all__ = ["ONLY_BY_STAFF", "WITH_A_CHOICE", "Case", "Done", "Write", "case_of", "look_up", "perform"]

Remedy = Callable[[HasId, Case], Done]


def case_of(finding: Finding, chosen: int | None) -> Case:
    """A finding as plain values."""
    evidence: dict[str, Any] = json.loads(finding.evidence)
    return Case(
        kind=finding.kind,
        subject=finding.subject,
        purchase=str(evidence.get("purchase") or ""),
        stripe=evidence.get("stripe") or {},
        ours=evidence.get("ours") or {},
        customer_id=finding.customer_id,
        license_global_id=finding.license_global_id,
        chosen=chosen,
    )


def look_up(source: Source, case: Case) -> Case:
    """Read at Stripe what the remedy needs. Raises the gateway's errors."""
    if case.subject == ACCOUNT:
        gateway.retrieve_account_id(source.connection)
        return case
    if case.kind == "duplicate_customers":
        ids = case.stripe.get("stripe_customers") or []
        return replace(case, people=tuple(gateway.retrieve_customer(source.connection, one) for one in ids))
    if not case.purchase:
        return case
    ids = fulfillment.purchases_of(source, case.purchase)
    found = [fulfillment.read(source, stripe_id) for stripe_id in ids or (case.purchase,)]
    return replace(case, facts=tuple(facts for facts in found if facts is not None))


def perform(vendor: HasId, case: Case) -> Done:
    """Change our side, in the caller's transaction."""
    return REMEDIES[case.kind](vendor, case)


def _ensure(vendor: HasId, case: Case) -> Done:
    """Let fulfillment do its work, then see whether the difference is still there."""
    if not case.facts:
        return Done(False, _("Stripe does not know it. Nothing was changed."))
    writes = tuple(write for facts in case.facts for write in ensured(vendor.id, facts))
    reasons = _reasons(vendor.id, case)
    if _is_still_there(vendor, case):
        return Done(False, " ".join(reasons) or _("The difference is still there."), writes)
    return Done(True, " ".join(reasons), writes)


def ensured(vendor_id: int, facts: Facts) -> list[Write]:
    """One purchase brought in line with what was read; and what has to go to Stripe for it."""
    fulfillment.apply(vendor_id, facts)
    db.session.flush()
    purchase = db.session.get(Purchase, (vendor_id, facts.stripe_id))
    if purchase is not None and purchase.state == "unclaimed":
        ledger.keep(vendor_id, [money.unclaimed_payment(purchase)])
    return marking.back_to_stripe(purchase, facts) if purchase is not None else []


def _reasons(vendor_id: int, case: Case) -> list[str]:
    purchases = [db.session.get(Purchase, (vendor_id, facts.stripe_id)) for facts in case.facts]
    return [words.of_trouble(one.reason) for one in purchases if one is not None and one.state == "unclaimed"]


def _is_still_there(vendor: HasId, case: Case) -> bool:
    days = vendors.switches_of(vendors.get(vendor.id)).grace_days
    pairs = comparing.pairs_of(vendor.id, case.facts, days)
    return any(
        found.kind == case.kind and found.subject == case.subject for p in pairs for found in comparing.differences(p)
    )


def _metadata(vendor: HasId, case: Case) -> Done:
    """The right numbers at Stripe, in place of a marker or of numbers that lead nowhere."""
    if not case.facts:
        return Done(False, _("Stripe does not know it. Nothing was changed."))
    writes = [write for facts in case.facts for write in ensured(vendor.id, facts)]
    if writes:
        return Done(True, "", tuple(writes))
    reasons = _reasons(vendor.id, case)
    left = marking.without_a_key(case)
    return Done(bool(left), " ".join(reasons) or _("There is no key whose number could be written."), tuple(left))


def _block(vendor: HasId, case: Case) -> Done:
    done = _ensure(vendor, case)
    return done if done.is_done else taking.block(vendor, case, done)


def _period(vendor: HasId, case: Case) -> Done:
    done = _ensure(vendor, case)
    return done if done.is_done else taking.shorten(vendor, case, done)


def _blocked(vendor: HasId, case: Case) -> Done:
    done = _ensure(vendor, case)
    if done.is_done or done.outcome != _("The difference is still there."):
        return done
    return Done(False, _("Staff blocked this key, so staff lift the block: on the page of the license."), done.writes)


def _unclaimed(vendor: HasId, case: Case) -> Done:
    """Bound to the chosen customer if one is chosen and a key follows."""
    if not case.facts:
        return Done(False, _("Stripe does not know it. Nothing was changed."))
    if case.chosen and any(plans.pays_for_a_key(vendor.id, facts) for facts in case.facts):
        unclaimed.bind(vendor.id, case.purchase, case.chosen)
        db.session.flush()
    writes = [write for facts in case.facts for write in ensured(vendor.id, facts)]
    reasons = _reasons(vendor.id, case)
    return Done(not reasons, " ".join(reasons), tuple(writes))


def _asked_again(vendor: HasId, case: Case) -> Done:
    if case.subject == ACCOUNT:
        return Done(True, _("Stripe answers again. The next comparison tells more."))
    if not case.facts:
        return Done(False, _("Stripe does not know it. Nothing was changed."))
    writes = tuple(write for facts in case.facts for write in ensured(vendor.id, facts))
    count = parting.replay_events(vendor.id, case.subject)
    if any(found.subject == case.subject for found in local.unreadable_purchases(vendor.id)):
        return Done(False, _("Stripe still says what cannot be read. What the keys had, they keep."), writes)
    told = _("%(count)s parked events are worked off again.", count=count) if count else ""
    return Done(True, told, writes)


REMEDIES: dict[str, Remedy] = {
    "charged_without_key": _ensure,
    "temp_var_set": _metadata,
    "key_without_subscription": lambda vendor, case: parting.part(vendor, case, ensured),
    "ended_but_valid": _block,
    "paid_but_blocked": _blocked,
    "period_differs": _period,
    "quantity_differs": _ensure,
    "wrong_customer": lambda vendor, case: binding.settle_owner(vendor, case),
    "dangling_key_id": _metadata,
    "duplicate_customers": lambda vendor, case: marking.mark_duplicates(case),
    "unknown_customer": lambda vendor, case: binding.name_customer(vendor, case),
    "unclaimed_payment": _unclaimed,
    "lookup_failed": _asked_again,
}
