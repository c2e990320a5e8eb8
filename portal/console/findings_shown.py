"""Findings as the desk shows them: classes and evidence in words, money, age, links to whom and what it is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import format_timedelta
from flask_babel import gettext as _
from sqlalchemy import select

from portal import clock
from portal.billing.links import number_in
from portal.customers import service as customers
from portal.customers.models import Customer
from portal.extensions import db
from portal.formatters import moment, money
from portal.reconciliation import ledger, words
from portal.reconciliation.found import KINDS
from portal.reconciliation.models import Finding
from portal.reconciliation.words import Words
from portal.vendors.service import HasId

TIMES = ("paid_until", "expires_at", "should_end")
WHOSE = ("owner", "owners", "skm_customer_id")


@dataclass(frozen=True)
class Shown:
    """One finding. stripe, ours: the evidence as (name, text). trouble: why a payment makes no key, if known."""

    finding: Finding
    words: Words
    amount: str
    age: str
    customer: str
    stripe: list[tuple[str, str]]
    ours: list[tuple[str, str]]
    email: str = ""
    trouble: str = ""

    @property
    def lacks_a_plan(self) -> bool:
        """Whether it is unclaimed for another reason than its customer."""
        return self.finding.kind == "unclaimed_payment" and self.trouble in ("no_product", "bad_plan")

    @property
    def about(self) -> str:
        """The license's number, or the id at Stripe."""
        number = self.finding.license_global_id if self.finding.subject.startswith("license:") else None
        return _("License %(number)s", number=number) if number else self.finding.subject


@dataclass(frozen=True)
class Total:
    """One class with open findings. amounts: per currency."""

    kind: str
    words: Words
    number: int
    amounts: str
    age: str


def shown(vendor: HasId, findings: Sequence[Finding]) -> list[Shown]:
    """Findings in words; one query for the names of all customers."""
    names = _names(vendor, {finding.customer_id for finding in findings if finding.customer_id})
    return [_shown(finding, names) for finding in findings]


def _shown(finding: Finding, names: dict[int, str]) -> Shown:
    evidence = json.loads(finding.evidence)
    trouble = str((evidence.get("ours") or {}).get("trouble") or "")
    return Shown(
        finding=finding,
        words=words.of(finding.kind, trouble),
        amount=money(finding.amount_minor, finding.currency) if finding.currency else "",
        age=age(finding.since, finding.closed_at),
        customer=names.get(finding.customer_id or 0, ""),
        stripe=_facts(evidence.get("stripe") or {}),
        ours=_facts(evidence.get("ours") or {}),
        email=str((evidence.get("stripe") or {}).get("email") or ""),
        trouble=trouble,
    )


def either(vendor: HasId, finding: Finding) -> list[tuple[int, str, bool]]:
    """The two customers a key may belong to: number, name, and whether it is the one whom Stripe names."""
    evidence = json.loads(finding.evidence)
    named, owner = number_in(evidence["stripe"], "skm_customer_id"), evidence["ours"].get("owner")
    names = _names(vendor, {number for number in (named, owner) if number})
    return [(number, names[number], number == named) for number in (named, owner) if number in names]


def totals(vendor: HasId) -> list[Total]:
    """The classes with open findings, in their order; the money per currency."""
    rows = ledger.totals(vendor)
    found = []
    for kind in KINDS:
        mine = [row for row in rows if row.kind == kind]
        if mine:
            amounts = [money(row.amount_minor, row.currency) for row in mine if row.currency and row.amount_minor]
            oldest = min(row.since for row in mine)
            number = sum(row.number for row in mine)
            found.append(Total(kind, words.of(kind), number, " + ".join(amounts), age(oldest)))
    return found


def age(since: datetime, until: datetime | None = None) -> str:
    """For how long it has been so, or had been when it was settled: *3 days*."""
    return str(format_timedelta((until or clock.now()) - since, granularity="second", threshold=1.2))


def _names(vendor: HasId, ids: Iterable[int]) -> dict[int, str]:
    wanted = sorted(ids)
    if not wanted:
        return {}
    columns = select(Customer.id, Customer.name, Customer.company_name, Customer.email)
    mine = columns.where(Customer.vendor_id == vendor.id, Customer.id.in_(wanted))
    return {row.id: customers.label(row) for row in db.session.execute(mine)}


def _facts(evidence: dict[str, Any]) -> list[tuple[str, str]]:
    return [(words.label(name), _text(name, value)) for name, value in evidence.items()]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_text(name, part) for part in value)
    if name in TIMES:
        return moment(datetime.fromisoformat(value))
    if name == "trouble":
        return words.of_trouble(value)
    if name == "state":
        return words.of_purchase(value)
    if name == "blocked_by":
        return words.of_block(value)
    return f"#{value}" if name in WHOSE else str(value)
