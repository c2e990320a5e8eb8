"""A payment as those see it who decide about it: who paid, what for, where it is at Stripe, who was mailed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from portal.audit import service as audit
from portal.billing import dashboard
from portal.billing import service as billing
from portal.billing.models import Subscription
from portal.extensions import db
from portal.fulfillment import bought
from portal.fulfillment.bought import Bought
from portal.fulfillment.models import Purchase
from portal.reconciliation.models import Finding
from portal.vendors.service import HasId


@dataclass(frozen=True)
class Mailed:
    """A claim link that went out. email: empty where that was not recorded."""

    at: datetime
    email: str


@dataclass(frozen=True)
class Payment:
    """What stands behind a finding. href: in Stripe's dashboard. mailed: claim links, the newest first."""

    stripe_id: str
    name: str
    email: str
    bought: list[Bought]
    href: str
    mailed: list[Mailed]


def find(vendor: HasId, finding: Finding) -> Payment | None:
    """The payment a finding is about, if we know it."""
    stripe_id = str(json.loads(finding.evidence).get("purchase") or finding.subject)
    purchase = db.session.get(Purchase, (vendor.id, stripe_id))
    if purchase is None:
        return None
    account = billing.account_of(vendor).account_id
    return Payment(
        stripe_id=stripe_id,
        name=purchase.name,
        email=purchase.email,
        bought=bought.lines_of(vendor.id, [purchase])[stripe_id] or _as_subscription(vendor, stripe_id),
        href=dashboard.page_of(stripe_id, account_id=account, livemode=purchase.livemode),
        mailed=_mailed(vendor, stripe_id),
    )


def _as_subscription(vendor: HasId, stripe_id: str) -> list[Bought]:
    """What was read before purchases kept their lines."""
    found = db.session.get(Subscription, (vendor.id, stripe_id))
    return [Bought("", found.quantity, found.plan_name)] if found and found.plan_name else []


def _mailed(vendor: HasId, stripe_id: str) -> list[Mailed]:
    entries = audit.list_for(vendor, record=f"purchase:{stripe_id}"[:100], limit=20)
    sent = [entry for entry in entries if entry.action == "purchase.mail_claim"]
    return [Mailed(entry.at, str(entry.after.get("email") or "")) for entry in sent]
