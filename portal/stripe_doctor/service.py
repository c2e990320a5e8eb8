"""Run all checks of a vendor's Stripe account, and keep what they found."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from portal import clock, unit_of_work
from portal.billing import gateway
from portal.billing.gateway.samples import Sample
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.outbox import service as outbox
from portal.stripe_doctor import (
    check_catalog,
    check_customers,
    check_key,
    check_portal,
    check_webhooks,
    checklist,
    reading,
    report,
)
from portal.stripe_doctor.facts import Facts, Theirs
from portal.stripe_doctor.findings import Finding
from portal.stripe_doctor.report import Report
from portal.webhooks import endpoint

CHECK = "stripe_doctor.check"
CHECKS = (check_key.check, check_webhooks.check, check_catalog.check, check_portal.check, check_customers.check)


def run(vendor_id: int, *, quickly: bool = False) -> Report | None:
    """Ask Stripe and keep the answer in the caller's transaction; None without a key.

    Call it before any change: it reads with no transaction open. quickly: take what the last run found out about the
    key's permissions.
    """
    with unit_of_work.reading():
        patient = reading.patient_of(vendor_id)
        last = report.last_of(vendor_id) if quickly else None
    if patient is None:
        return None
    try:
        theirs = reading.read_stripe(patient, missing=check_key.missing_in(last.found) if last else None)
    except gateway.KeyRefused:
        return _kept(vendor_id, Report(report.REFUSED, tried_at=clock.now()))
    except gateway.GatewayError:
        return _kept(vendor_id, Report(report.AWAY, tried_at=clock.now()))
    facts = Facts(patient.ours, theirs)
    health = check_webhooks.health_in(facts)
    if health is not None:
        endpoint.keep(vendor_id, health)
    return _kept(vendor_id, report_on(facts))


def report_on(facts: Facts) -> Report:
    """What all checks say about these facts."""
    found = examine(facts)
    return Report(
        state=report.CHECKED,
        steps=checklist.steps(facts, found),
        found=found,
        counts=_counts(facts),
        livemode=facts.ours.livemode,
        account_id=facts.theirs.account_id,
        checked_at=facts.theirs.asked_at,
        tried_at=facts.theirs.asked_at,
    )


def examine(facts: Facts) -> list[Finding]:
    """Every finding."""
    return [finding for check in CHECKS for finding in check(facts)]


def grouped(last: Report, most: int) -> list[tuple[str, list[Finding], int]]:
    """The findings of a report by group: those to list, at most so many of one kind, and how many more there are."""
    groups = []
    for name, found in last.groups():
        seen: Counter[str] = Counter()
        listed = []
        for one in found:
            seen[one.code] += 1
            if seen[one.code] <= most:
                listed.append(one)
        groups.append((name, listed, len(found) - len(listed)))
    return groups


def check(*, vendor_id: int | None) -> None:
    """The daily job: every vendor with a key, one after the other."""
    if vendor_id is None:
        for each in db.session.scalars(select(StripeAccount.vendor_id).where(StripeAccount.api_key != "")):
            outbox.queue_job(CHECK, vendor_id=each)
        return
    run(vendor_id)


def _kept(vendor_id: int, found: Report) -> Report:
    account = db.session.get(StripeAccount, vendor_id)
    if account is not None:
        report.keep(account, found)
    return found


def _counts(facts: Facts) -> dict[str, tuple[int, int | None]]:
    theirs: Theirs = facts.theirs
    samples: dict[str, Sample[object] | None] = {
        "products": theirs.products,  # type: ignore[dict-item]
        "prices": theirs.prices,  # type: ignore[dict-item]
        "customers": theirs.customers,  # type: ignore[dict-item]
        "subscriptions": theirs.subscriptions,  # type: ignore[dict-item]
    }
    counts = {
        name: (len(sample.found), len(sample.found) if sample.is_all else None)
        for name, sample in samples.items()
        if sample is not None
    }
    compared = len(theirs.emails) + len(theirs.gone)
    return {**counts, "addresses": (compared, facts.ours.linked_count)}
