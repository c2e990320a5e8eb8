"""The databases under measure: filled by `latchkey seed`, with two customers and a user whose figures are known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import Flask

from portal import clock
from portal.billing.models import StripeAccount, Subscription
from portal.crypto import digest
from portal.customers.models import Customer
from portal.extensions import db
from portal.licenses.models import License, Product
from portal.vendors.models import Vendor
from tests import factories
from tests.support import databases

DOMAIN = "bench.example"
LICENSES = f"/Portal/@{DOMAIN}/Licenses"
SIGN_IN = f"/Portal/@{DOMAIN}/SignIn"
LATCHKEY = str(Path(sys.executable).parent / "latchkey")
SIZES = {"ten": 10, "fifty": 50}


@dataclass(frozen=True)
class Site:
    """A filled database. cookies: of the users who see ten and fifty licenses, three in ten with a subscription."""

    kind: str
    url: str
    folder: Path
    seeded: dict[str, float]
    cookies: dict[str, str]
    ten_id: int
    detail: str

    @property
    def environment(self) -> dict[str, str]:
        """Settings of a process that serves this database."""
        return {**os.environ, **databases.environment(self.url, self.folder)}

    def make_app(self) -> Flask:
        """The portal on this database, in this process."""
        return databases.make_app(self.url, self.folder)


@contextmanager
def filled(kind: str, folder: Path, customers: int, licenses: int) -> Iterator[Site]:
    """A new database of a kind (`sqlite`, `postgresql`) with that many rows, removed afterwards."""
    folder = folder / f"{kind}-{customers}"
    folder.mkdir()
    with databases.fresh(kind, folder) as url:
        environment = {**os.environ, **databases.environment(url, folder)}
        with databases.make_app(url, folder).app_context():
            factories.make_vendor(DOMAIN, "Bench")
            db.session.remove()
            db.engine.dispose()
        seeded = _seed(environment, customers, licenses)
        with databases.make_app(url, folder).app_context():
            facts = _add_users()
            if kind == "postgresql":
                _analyze()
            db.session.remove()
            db.engine.dispose()
        yield Site(kind, url, folder, seeded, *facts)


def _seed(environment: dict[str, str], customers: int, licenses: int) -> dict[str, float]:
    command = [LATCHKEY, "seed", "--vendor", DOMAIN, "--customers", str(customers), "--licenses", str(licenses)]
    made = subprocess.run([*command, "--json"], env=environment, check=True, capture_output=True, text=True)
    return dict(json.loads(made.stdout.splitlines()[-1]))


def _add_users() -> tuple[dict[str, str], int, str]:
    """Cookies by the number of licenses, the customer with ten, and the page of one license of theirs."""
    vendor = db.session.query(Vendor).filter_by(domain=DOMAIN).one()
    product = db.session.query(Product).filter_by(vendor_id=vendor.id).order_by(Product.id).first()
    product.feature_definitions = {"f1": {"name": "Export", "type": 0}, "f2": {"name": "Cloud rendering", "type": 0}}
    db.session.add(StripeAccount(vendor_id=vendor.id, livemode=False))
    cookies, customers, newest = {}, {}, {}
    for name, count in SIZES.items():
        user, customers[name] = factories.make_user(), factories.make_customer(vendor)
        factories.make_association(user, customers[name])
        for number in range(count):
            newest[name] = _add_license(vendor, product, customers[name], has_subscription=number % 10 in (0, 4, 8))
        cookies[name] = sign_in(user.id, name)
    db.session.commit()
    return cookies, customers["ten"].id, f"{LICENSES}/{newest['ten'].global_id}"


def sign_in(user_id: int, token: str) -> str:
    """Sign a user in; the cookie. The caller commits."""
    from portal.account.models import UserSession

    end = clock.now() + timedelta(hours=12)
    db.session.add(UserSession(user_id=user_id, token_digest=digest(token), second_step="off", expires_at=end))
    return f"latchkey-session={token}"


def _add_license(vendor: Vendor, product: Product, customer: Customer, *, has_subscription: bool) -> License:
    license = factories.make_license(vendor, product, customer, f1=True, f2=True)
    factories.make_machine(license)
    factories.make_machine(license)
    if has_subscription:
        end = clock.now() + timedelta(days=1 + license.global_id % 300)
        subscription = Subscription(
            vendor_id=vendor.id,
            stripe_id=f"sub_1QxYzAbCdEfGhIjKl{license.global_id:07}",
            stripe_customer_id="cus_bench",
            customer_id=customer.id,
            license_global_id=license.global_id,
            livemode=False,
            status="active",
            plan_name="Professional",
            amount_minor=1900,
            currency="usd",
            interval="month",
            period_end=end,
            started_at=clock.now(),
        )
        db.session.add(subscription)
    return license


def _analyze() -> None:
    from sqlalchemy import text

    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
