"""What `latchkey doctor` looks at, one function each: what is found, and how to mend it."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portal.cli.running import first_line

if TYPE_CHECKING:
    from portal.vendors.models import Vendor

SLOW_QUEUE_SECONDS = 300
LEAST_FREE_SHARE = 0.05


@dataclass(frozen=True)
class Check:
    """One finding. fix: what to do, empty where all is well."""

    name: str
    ok: bool
    message: str
    fix: str = ""


def settings() -> Check:
    """Whether the settings can be used at all."""
    from portal import config

    try:
        found = config.from_environment()
    except config.SettingsError as error:
        return Check("settings", False, str(error), "Set it and try again; latchkey doctor --settings lists them all.")
    return Check("settings", True, f"{found.env} at {found.base_url}")


def everything() -> Iterator[Check]:
    """All checks that need an app, in the order in which a problem should be mended."""
    found = _database()
    yield found
    if not found.ok:
        return
    found = _migrations()
    yield found
    yield _disk()
    yield _mail()
    if found.ok:
        yield _queue()
        yield from _stripe()


def _database() -> Check:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    from portal.extensions import db

    try:
        with db.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        return Check("database", False, first_line(error.orig), "Start the database, or correct LATCHKEY_DATABASE_URL.")
    return Check("database", True, f"{db.engine.dialect.name} answers")


def _migrations() -> Check:
    from portal import schema

    waiting = schema.pending()
    if waiting:
        return Check("migrations", False, f"waiting: {', '.join(waiting)}", "Run: latchkey db upgrade")
    return Check("migrations", True, f"up to date ({schema.current()})")


def _disk() -> Check:
    from portal import crypto

    folder = crypto.settings().data_dir
    while not folder.exists():
        folder = folder.parent
    room = os.statvfs(folder)
    share = room.f_bavail / max(1, room.f_blocks)
    if share < LEAST_FREE_SHARE:
        return Check("disk", False, f"{share:.0%} is free", "Make room where LATCHKEY_DATA_DIR lies.")
    return Check("disk", True, f"{share:.0%} is free")


def _mail() -> Check:
    from portal import crypto
    from portal.outbox.mail import transports

    try:
        return Check("mail", True, transports.check(crypto.settings().mail_url))
    except (OSError, smtplib.SMTPException) as error:
        return Check("mail", False, first_line(error), "Correct LATCHKEY_MAIL_URL, or start the mail server.")


def _queue() -> Check:
    from portal.home.health import queue_state

    queue = queue_state()
    facts = f"{queue.waiting} waiting, {queue.dead} given up"
    if queue.oldest_seconds > SLOW_QUEUE_SECONDS:
        return Check("queue", False, f"{facts}, the oldest for {queue.oldest_seconds} s", "Run: latchkey worker")
    return Check("queue", True, facts)


def _stripe() -> Iterator[Check]:
    from sqlalchemy import select

    from portal.billing.models import StripeAccount
    from portal.extensions import db
    from portal.vendors.models import Vendor

    statement = select(Vendor).join(StripeAccount, StripeAccount.vendor_id == Vendor.id).order_by(Vendor.domain)
    for vendor in list(db.session.scalars(statement.where(StripeAccount.api_key != ""))):
        yield _about(f"stripe of {vendor.domain}", _ask_stripe, vendor)


def _ask_stripe(vendor: Vendor) -> str:
    from portal import unit_of_work
    from portal.billing import account, gateway
    from portal.stripe_doctor import report

    way = account.connection_of(vendor)
    last = report.last_of(vendor.id)
    unit_of_work.rollback()
    if way is None:
        return "no key"
    mode = "live" if gateway.is_live_key(way.api_key) else "test"
    told = f"{last.number('broken')} broken, {last.number('warning')} warnings" if last else "not checked yet"
    return f"{mode} account {gateway.retrieve_account_id(way)} answers; /StripeDoctor: {told}"


def _about(name: str, ask: Callable[[Vendor], str], vendor: Vendor) -> Check:
    from portal.crypto import SealBroken
    from portal.errors import PortalError

    domain = vendor.domain
    try:
        return Check(name, True, ask(vendor))
    except SealBroken as error:
        return Check(name, False, str(error), "Put the key that sealed it back into LATCHKEY_ENCRYPTION_KEY.")
    except PortalError as error:
        message = error.message or type(error).__name__
        return Check(name, False, message, f"Run: latchkey vendors stripe --domain {domain} --api-key -")
