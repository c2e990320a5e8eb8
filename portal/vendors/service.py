"""Find and make vendors, set their switches, and number their records."""

from __future__ import annotations

import json
import re
import secrets
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from flask_babel import gettext as _
from sqlalchemy import Row, Select, Text, bindparam, cast, select, update

from portal.errors import Invalid, NotFound
from portal.extensions import db
from portal.vendors import switches as vendor_switches
from portal.vendors.models import IdCounter, Vendor
from portal.vendors.switches import Switches

DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z")
MAX_ID = 2**31 - 1
SELLS_PLANS = "sells_plans"
_COUNTERS = IdCounter.__table__.c
_RAISED = (
    update(IdCounter.__table__)  # type: ignore[arg-type]
    .where(_COUNTERS.vendor_id == bindparam("of_vendor"), _COUNTERS.kind == bindparam("of_kind"))
    .values(last_id=_COUNTERS.last_id + bindparam("more"))
    .returning(_COUNTERS.last_id)
)


class HasId(Protocol):
    """A vendor row or a vendor profile: whatever owns records."""

    @property
    def id(self) -> int: ...


class VendorProfile(NamedTuple):
    """A vendor as pages need it: plain values, read once per request. stored_switches: JSON, as the row holds it."""

    id: int
    domain: str
    name: str
    description: str
    website: str
    logo_url: str
    accent_color: str
    sign_up_nonce: str
    stored_switches: str

    @property
    def switches(self) -> Switches:
        """The vendor's choices, defaults filled in."""
        return vendor_switches.read_text(self.stored_switches)

    @property
    def language(self) -> str:
        return self.switches.language

    @property
    def time_zone(self) -> str:
        return self.switches.time_zone

    @property
    def support_email(self) -> str:
        return self.switches.support_email

    @property
    def sells_plans(self) -> bool:
        """Whether there is something to buy here; noted beside the switches, so that menus need no query."""
        return _sells_plans(self.stored_switches)


@lru_cache(maxsize=1024)
def _sells_plans(stored_switches: str) -> bool:
    return bool(json.loads(stored_switches).get(SELLS_PLANS))


PROFILE_COLUMNS: tuple[Any, ...] = (
    Vendor.id,
    Vendor.domain,
    Vendor.name,
    Vendor.description,
    Vendor.website,
    Vendor.logo_url,
    Vendor.accent_color,
    Vendor.sign_up_nonce,
    cast(Vendor.switches, Text).label("stored_switches"),
)


def profile(row: Row[Any] | tuple[Any, ...]) -> VendorProfile:
    """A profile from the first columns of a row selected with PROFILE_COLUMNS."""
    return VendorProfile._make(row[: len(PROFILE_COLUMNS)])


def profile_of(vendor: Vendor) -> VendorProfile:
    """The profile of a loaded vendor."""
    plain = (getattr(vendor, name) for name in VendorProfile._fields[:-1])
    return VendorProfile._make((*plain, json.dumps(vendor.switches)))


def find_by_domain(domain: str) -> VendorProfile | None:
    """The vendor of a portal address, or None."""
    statement: Select[Any] = select(*PROFILE_COLUMNS).where(Vendor.domain == domain.lower())
    row = db.session.execute(statement).first()
    return profile(row) if row else None


def get_by_domain(domain: str) -> Vendor:
    """The vendor row of a domain, to change it. Raises NotFound."""
    vendor = db.session.scalar(select(Vendor).where(Vendor.domain == domain.lower()))
    if vendor is None:
        raise NotFound(_("There is no vendor %(domain)s.", domain=domain))
    return vendor


def get(vendor_id: int) -> Vendor:
    """The vendor row of an id, to change it. Raises NotFound."""
    vendor = db.session.get(Vendor, vendor_id)
    if vendor is None:
        raise NotFound(_("There is no such vendor."))
    return vendor


def create(domain: str, name: str) -> Vendor:
    """A new vendor. Raises Invalid for a bad or taken domain, or an empty name."""
    domain, name = domain.strip().lower(), name.strip()
    if not DOMAIN.match(domain):
        raise Invalid(_("This is not a domain such as example.com."), field="domain")
    if not 1 <= len(name) <= 100:
        raise Invalid(_("Type a name of at most 100 characters."), field="name")
    if db.session.scalar(select(Vendor.id).where(Vendor.domain == domain)):
        raise Invalid(_("There is a vendor with this domain already."), field="domain")
    vendor = Vendor(domain=domain, name=name, sign_up_nonce=new_nonce())
    db.session.add(vendor)
    db.session.flush()
    return vendor


def set_switch(vendor: Vendor, name: str, text: str) -> tuple[Any, Any]:
    """Set one switch from text; returns the values before and after. Raises Invalid."""
    value = vendor_switches.parse(name, text)
    before = getattr(vendor_switches.read(vendor.switches), name)
    vendor.switches = {**vendor.switches, name: value}
    return before, value


def note_sale(vendor_id: int, *, sells_plans: bool) -> None:
    """Note whether customers can buy something, where that changed."""
    locked = select(Vendor).where(Vendor.id == vendor_id).with_for_update()
    if bool(get(vendor_id).switches.get(SELLS_PLANS)) == sells_plans:
        return
    vendor = db.session.scalars(locked.execution_options(populate_existing=True)).one()
    vendor.switches = {**vendor.switches, SELLS_PLANS: sells_plans}


def switches_of(vendor: Vendor) -> Switches:
    """The switches of a vendor row, defaults filled in."""
    return vendor_switches.read(vendor.switches)


def new_nonce() -> str:
    """A fresh part of a link's signature."""
    return secrets.token_hex(16)


def next_ids(vendor: HasId, kind: str, count: int = 1) -> range:
    """Reserve numbers for new records of a vendor; unique even under race. kind: `customer`, `license`, …"""
    facts = {"of_vendor": vendor.id, "of_kind": kind, "more": count}
    last = db.session.scalar(_RAISED, facts)
    if last is None:
        _start_counter(vendor, kind)
        last = db.session.scalar(_RAISED, facts)
    if last is None or last > MAX_ID:
        raise Invalid(_("There is no number left for this kind of record."))
    return range(last - count + 1, last + 1)


def next_id(vendor: HasId, kind: str) -> int:
    """Reserve one number."""
    return next_ids(vendor, kind)[0]


def _start_counter(vendor: HasId, kind: str) -> None:
    dialect = db.engine.dialect.name
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    db.session.execute(insert(IdCounter).values(vendor_id=vendor.id, kind=kind, last_id=0).on_conflict_do_nothing())
