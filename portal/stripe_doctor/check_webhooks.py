"""Checks of what Stripe tells us: the endpoint, its secret, and whether events arrive."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from portal.stripe_doctor.facts import Facts
from portal.stripe_doctor.findings import BROKEN, WARNING, Finding
from portal.webhooks import endpoint
from portal.webhooks.endpoint import EndpointHealth

LATE = timedelta(minutes=30)  # two turns of the sweep that reads Stripe's list of events
LOCAL = ("localhost", "127.0.0.1", "::1")
SEVERITY = {endpoint.WRONG_EVENTS: WARNING, endpoint.WRONG_VERSION: WARNING}


def check(facts: Facts) -> list[Finding]:
    """All of them."""
    health = health_in(facts)
    found = [*_address(facts), *_behind(facts)]
    if health is None:
        return found
    found += [*_endpoint(health), *_duplicates(health)]
    if health.state in (endpoint.OK, endpoint.WRONG_EVENTS, endpoint.WRONG_VERSION):
        found += _secret(facts, health) or _undelivered(facts, health)
    return found


def health_in(facts: Facts) -> EndpointHealth | None:
    """Our endpoint, as the reading shows it."""
    if facts.theirs.endpoints is None:
        return None
    ours, listed = facts.ours, list(facts.theirs.endpoints)
    return endpoint.judge(ours.vendor_id, listed, livemode=ours.livemode, known_id=ours.endpoint_id)


def _endpoint(health: EndpointHealth) -> list[Finding]:
    if health.is_ok:
        return []
    values = {"url": health.url, "types": list(health.missing_types), "version": health.api_version}
    severity = SEVERITY.get(health.state, BROKEN)
    return [Finding(f"endpoint_{health.state}", "webhooks", severity, health.endpoint_id, values)]


def _duplicates(health: EndpointHealth) -> list[Finding]:
    if not health.duplicates:
        return []
    return [Finding("endpoint_duplicate", "webhooks", WARNING, values={"ids": list(health.duplicates)})]


def _address(facts: Facts) -> list[Finding]:
    """Stripe reaches only public https addresses; in live mode it takes no others."""
    parts = urlsplit(facts.ours.endpoint_url)
    is_public = parts.scheme == "https" and parts.hostname not in LOCAL
    if is_public or facts.ours.is_sandbox:
        return []
    return [Finding("address_not_public", "webhooks", BROKEN, values={"url": facts.ours.endpoint_url})]


def _secret(facts: Facts, health: EndpointHealth) -> list[Finding]:
    """Without the endpoint's own secret every delivery is refused. A secret typed in by hand may be any endpoint's."""
    if not facts.ours.secret_count:
        return [Finding("secret_missing", "webhooks", BROKEN, health.endpoint_id)]
    if facts.ours.endpoint_id not in ("", health.endpoint_id):
        return [Finding("secret_of_another", "webhooks", BROKEN, health.endpoint_id)]
    return []


def _undelivered(facts: Facts, health: EndpointHealth) -> list[Finding]:
    """The latest events could not be handed over: a wrong secret, or something stands in between.

    Where other endpoints are enabled as well, one of those may be meant.
    """
    failed, passed = facts.theirs.undelivered, facts.theirs.delivered
    listed = {one.id: one for one in facts.theirs.endpoints or ()}
    made_at = listed[health.endpoint_id].created_at
    if failed is None or failed.created_at is None or (made_at and failed.created_at < made_at):
        return []
    if passed is not None and passed.created_at is not None and passed.created_at >= failed.created_at:
        return []
    others = sum(one.is_enabled and one.id != health.endpoint_id for one in listed.values())
    code = "undelivered_somewhere" if others else "undelivered"
    values = {"type": failed.type, "at": failed.created_at.isoformat(), "others": others}
    return [Finding(code, "webhooks", WARNING if others else BROKEN, health.endpoint_id, values)]


def _behind(facts: Facts) -> list[Finding]:
    """Neither the endpoint nor the sweep brought an event that Stripe has had for long."""
    newest, ours = facts.theirs.newest_event, facts.ours.newest_event_at
    if newest is None or newest.created_at is None or newest.created_at > facts.theirs.asked_at - LATE:
        return []
    if ours is not None and ours >= newest.created_at:
        return []
    values = {"at": newest.created_at.isoformat(), "ours": ours.isoformat() if ours else ""}
    return [Finding("events_behind", "webhooks", BROKEN, newest.id, values)]
