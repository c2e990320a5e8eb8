"""The link by which a payer claims a payment that nobody is known for.

It is mailed to the address that Stripe has of the payer: holding it shows that the address is theirs. It tells no more
than they know (what was paid, and to whom), and works until somebody has claimed the payment, or Stripe has another
address: one that was mistyped reaches a stranger.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta

from portal import addresses, clock, crypto, email_addresses, signed_links
from portal.audit import service as audit
from portal.extensions import db
from portal.fulfillment.models import Purchase
from portal.outbox import service as outbox
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from portal.vendors.service import HasId, VendorProfile

PURPOSE, ADDRESS = "claim_payment", "claim_payment.address"
LINK_LIVES = timedelta(days=30)
MARK = 20  # letters of the digest of an address
OPEN, TAKEN, EXPIRED, UNKNOWN = "open", "taken", "expired", "unknown"
STATUS = {OPEN: 200, TAKEN: 409, EXPIRED: 410, UNKNOWN: 404}


@dataclass(frozen=True)
class Claim:
    """What a claim link stands for. customer_id: whose the payment is, once taken."""

    state: str
    stripe_id: str = ""
    amount_minor: int | None = None
    currency: str = ""
    customer_id: int | None = None

    @property
    def status(self) -> int:
        """HTTP status of the page about it."""
        return STATUS[self.state]


def claim_link(vendor: VendorProfile, purchase: Purchase) -> str:
    """The link for the payer; it works until somebody has claimed the payment, and for 30 days at most."""
    until = clock.unix() + int(LINK_LIVES.total_seconds())
    to = crypto.keyed_digest(purchase.email, ADDRESS)[:MARK]
    facts = {"aud": vendor.id, "purchase": purchase.stripe_id, "until": until, "to": to}
    return addresses.portal_link(vendor, "Claim", auth=signed_links.sign(PURPOSE, facts))


def read_claim(vendor: HasId, text: str) -> Claim:
    """What a link stands for now. Changes nothing."""
    facts = signed_links.read(PURPOSE, text, audience=vendor.id) or {}
    purchase = db.session.get(Purchase, (vendor.id, str(facts.get("purchase", ""))))
    if purchase is None:
        return Claim(UNKNOWN)
    state = OPEN if purchase.state == "unclaimed" and purchase.customer_id is None else TAKEN
    if state == OPEN and (int(facts["until"]) <= clock.unix() or not _is_mailed_to(purchase, str(facts.get("to", "")))):
        state = EXPIRED
    return Claim(state, purchase.stripe_id, purchase.amount_minor, purchase.currency, purchase.customer_id)


def _is_mailed_to(purchase: Purchase, mark: str) -> bool:
    """Whether a link went to the address that Stripe has now. mark: of the address, as the link carries it."""
    known = [digest[:MARK] for digest in crypto.keyed_digests(purchase.email, ADDRESS)]
    return any([hmac.compare_digest(mark, one) for one in known])


def can_be_mailed(purchase: Purchase) -> bool:
    """Whether the payer may claim it by mail: all that is missing is a customer, and there is an address."""
    is_open = purchase.state == "unclaimed" and purchase.reason == "no_customer"
    return is_open and email_addresses.find(purchase.email) is not None


def mail(vendor: VendorProfile, purchase: Purchase, dedupe_key: str | None = None) -> None:
    """Queue the mail with the link; the record says so, for those who would mail it again."""
    queued = outbox.queue_mail(
        "claim_payment",
        purchase.email,
        vendor_id=vendor.id,
        language=vendor.language,
        dedupe_key=dedupe_key,
        link=claim_link(vendor, purchase),
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
    )
    if queued is not None:
        record = f"purchase:{purchase.stripe_id}"[:100]
        audit.record(vendor.id, "purchase.mail_claim", record, after={"email": purchase.email})


def offer_to_payer(vendor: Vendor, purchase: Purchase) -> None:
    """Mail the link without being asked, once, where strangers may become customers by themselves anyway."""
    profile = vendors.profile_of(vendor)
    if profile.switches.generic_sign_up and can_be_mailed(purchase):
        mail(profile, purchase, f"claim:{vendor.id}:{purchase.stripe_id}"[:200])
