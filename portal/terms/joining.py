"""Becoming a customer: the binding and the accepted terms belong to one transaction.

It stands here and not in `associate`, because a binding knows nothing of terms, while terms know who is bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal import addresses
from portal.associate import binding, invitations, links
from portal.associate.binding import Person
from portal.associate.invitations import OPEN, YOURS, Invitation
from portal.associate.links import Claim
from portal.terms import service as terms
from portal.terms.service import Terms
from portal.vendors.service import VendorProfile


def sign_up_facts(claim: Claim, accepted: Terms | None) -> dict[str, Any]:
    """What a sign-up remembers until the address is confirmed; `complete_sign_up` reads it back."""
    return {
        "claim": links.facts_of(claim),
        "terms": {"url": accepted.url, "version": accepted.version} if accepted else None,
    }


def complete_sign_up(vendor: VendorProfile, user: Person, facts: Mapping[str, Any]) -> str:
    """Bind a user whose address was confirmed just now and record what they accepted, in the caller's transaction.

    facts: those of `sign_up_facts`, or `terms` and the `path` of the page that people sign up for. Returns the path to
    go to. A link that was used, revoked or rotated meanwhile is no error: the path then leads to
    the page that says so. Works alike for a new account and for one that existed (it came in by a code).
    """
    claim, ticked = links.claim_of(facts.get("claim")), facts.get("terms")
    bound = _bind(vendor, user, claim) if claim else None
    if ticked:
        customer_id = bound.customer_id if bound and bound.state == YOURS else None
        terms.accept(vendor, user.id, user.email, customer_id, str(ticked["url"]), int(ticked["version"]))
    if claim and bound and bound.state != YOURS:
        return links.path_of(vendor, claim)
    return str(facts.get("path") or next_page(vendor, user))


def join(vendor: VendorProfile, user: Person, claim: Claim, accepted: Terms | None) -> Invitation:
    """Bind a signed-in user and record the acceptance, in the caller's transaction; see `binding.bind`."""
    bound = binding.bind(vendor, user, claim)
    if accepted and bound.state == YOURS:
        terms.accept(vendor, user.id, user.email, bound.customer_id, accepted.url, accepted.version)
    return bound


def next_page(vendor: VendorProfile, user: Person) -> str:
    """Where a user goes after joining: the records waiting for their address if there are any, else the licenses."""
    page = "Associate/Offers" if binding.list_offers(vendor, user) else "Licenses"
    return addresses.portal_path(vendor, page)


def _bind(vendor: VendorProfile, user: Person, claim: Claim) -> Invitation:
    found = invitations.look_again(vendor, claim, user.id)
    if found.state != OPEN or binding.needs_code(vendor, user, found):
        return found
    return binding.bind(vendor, user, claim)
