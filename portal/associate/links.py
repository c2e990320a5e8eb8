"""Association links: made, shown, read, rotated and revoked.

`auth` signs what the link stands for: {aud: vendor id, id: vendor or customer id, nonce, until}. The same facts give
the same text, so a link reads the same each time until its nonce is replaced. `until` is the expiry in unix seconds.
It is not called `exp`, because an expired link has a page of its own: it must still be recognized.
"""

from __future__ import annotations

import hmac
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import segno
from markupsafe import Markup

from portal import addresses, clock, signed_links
from portal.audit import service as audit
from portal.customers.models import Customer
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from portal.vendors.service import VendorProfile
from portal.vendors.switches import Switches

GENERIC, PERSONAL = "generic", "personal"
PURPOSES = {GENERIC: "associate.generic", PERSONAL: "associate.personal"}
CLAIM = "associate.claim"
CLAIM_SECONDS = 24 * 3600
MAX_ID = 2**31


@dataclass(frozen=True)
class Claim:
    """What a verified link stands for. id: customer id of a personal link, vendor id of the generic one."""

    kind: str
    id: int
    nonce: str
    until: int | None = None


def sign_up_link(vendor: Vendor | VendorProfile) -> str:
    """The vendor's generic link, absolute. It is made even while generic sign-up is switched off."""
    return addresses.absolute(path_of_sign_up(vendor))


def path_of_sign_up(vendor: Vendor | VendorProfile) -> str:
    """The generic link as a path of this site, for pages that offer *sign up*."""
    return path_of(vendor, Claim(GENERIC, vendor.id, vendor.sign_up_nonce))


def personal_link(vendor: Vendor | VendorProfile, customer: Customer) -> str | None:
    """A customer's personal link, absolute; None unless association is enabled and the link not revoked."""
    if not customer.enable_customer_association or customer.link_revoked_at is not None:
        return None
    expiry = personal_expiry(vendor, customer)
    until = int(expiry.timestamp()) if expiry else None
    return addresses.absolute(path_of(vendor, Claim(PERSONAL, customer.id, customer.link_nonce, until)))


def personal_expiry(vendor: Vendor | VendorProfile, customer: Customer) -> datetime | None:
    """When the customer's personal link stops working, by the switch `personal_link_days`; None for never."""
    days = switches_of(vendor).personal_link_days
    return customer.link_made_at + timedelta(days=days) if days else None


def path_of(vendor: Vendor | VendorProfile, claim: Claim) -> str:
    """The link behind a claim, as a path of this site."""
    name = "vid" if claim.kind == GENERIC else "id"
    return addresses.portal_path(vendor, "Associate", **{name: claim.id, "auth": _auth(vendor, claim)})


def qr_svg(link: str) -> Markup:
    """A link as a QR code: an inline SVG without style or script, dark on white in both themes."""
    file = io.BytesIO()
    segno.make(link, error="m", micro=False).save(
        file, kind="svg", xmldecl=False, svgns=False, nl=False, border=4, scale=4, dark="#000", light="#fff"
    )
    return Markup(file.getvalue().decode())  # noqa: S704 (drawn by segno: squares only, no text of anybody)


def rotate_sign_up(vendor: Vendor) -> None:
    """Replace the generic link; the old one is dead once the caller commits."""
    vendor.sign_up_nonce = vendors.new_nonce()
    audit.record(vendor.id, "sign_up_link.rotate", f"vendor:{vendor.id}")


def rotate_personal(vendor: vendors.HasId, customer: Customer) -> None:
    """Replace a customer's personal link, also after *revoke* or expiry; the old one dies with the caller's commit."""
    customer.link_nonce = vendors.new_nonce()
    customer.link_made_at = clock.now()
    customer.link_revoked_at = None
    audit.record(vendor.id, "personal_link.rotate", f"customer:{customer.id}")


def revoke_personal(vendor: vendors.HasId, customer: Customer) -> None:
    """Stop a customer's personal link until it is rotated. Bound accounts stay bound."""
    if customer.link_revoked_at is None:
        customer.link_revoked_at = clock.now()
        audit.record(vendor.id, "personal_link.revoke", f"customer:{customer.id}")


def read_link(vendor: VendorProfile, query: Mapping[str, str]) -> tuple[str, int, Claim | None]:
    """Kind, id asked for (0 if unreadable) and claim (None if anything is wrong) of an opened link.

    One signature is checked whatever the query holds, so that every bad link takes the same way.
    """
    kind = GENERIC if "vid" in query else PERSONAL
    text = query.get("vid" if kind == GENERIC else "id", "")
    wanted = int(text) if text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= 10 else 0
    facts = signed_links.read(PURPOSES[kind], query.get("auth", "") or "-", audience=vendor.id)
    both = "vid" in query and "id" in query
    if facts is None or both or not 0 < wanted < MAX_ID or facts.get("id") != wanted:
        return kind, wanted if wanted < MAX_ID else 0, None
    return kind, wanted, Claim(kind, wanted, str(facts.get("nonce", "")), facts.get("until"))


def is_nonce(claim: Claim, nonce: str) -> bool:
    """Whether a claim was made under a record's current nonce, in constant time."""
    return hmac.compare_digest(claim.nonce.encode(), nonce.encode())


def write_claim(vendor: VendorProfile, claim: Claim) -> str:
    """A claim as signed text for a cookie or hidden field; good for a day, at this vendor only."""
    return signed_links.sign(CLAIM, {"aud": vendor.id, "exp": clock.unix() + CLAIM_SECONDS, **asdict(claim)})


def read_claim(text: str, vendor: VendorProfile) -> Claim | None:
    """The claim behind a signed text, or None if there is none, it is too old, or it is another vendor's."""
    return claim_of(signed_links.read(CLAIM, text, audience=vendor.id))


def vendor_of_claim(text: str) -> int | None:
    """The vendor id of a signed claim, whoever's it is: to tell people that they are at the wrong vendor."""
    facts = signed_links.read(CLAIM, text)
    return int(facts["aud"]) if facts else None


def facts_of(claim: Claim) -> dict[str, Any]:
    """A claim as plain values, to travel with a sign-up; `claim_of` reads it back."""
    return asdict(claim)


def claim_of(facts: Mapping[str, Any] | None) -> Claim | None:
    """The claim in plain values of our own making (verified before), or None."""
    if not facts or facts.get("kind") not in PURPOSES:
        return None
    return Claim(facts["kind"], facts["id"], facts["nonce"], facts.get("until"))


def switches_of(vendor: Vendor | VendorProfile) -> Switches:
    """The switches of a vendor row or profile."""
    if isinstance(vendor, Vendor):
        return vendors.switches_of(vendor)
    return cast(VendorProfile, vendor).switches


def _auth(vendor: Vendor | VendorProfile, claim: Claim) -> str:
    facts: dict[str, Any] = {"aud": vendor.id, "id": claim.id, "nonce": claim.nonce}
    if claim.until is not None:
        facts["until"] = claim.until
    return signed_links.sign(PURPOSES[claim.kind], facts)
