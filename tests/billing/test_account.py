"""A vendor's Stripe settings: checked, sealed, never shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit import service as audit
from portal.billing import account, gateway
from portal.billing import service as billing
from portal.billing.models import StripeAccount
from portal.errors import Invalid
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.support import databases


def test_a_key_is_checked_with_stripe_and_kept_sealed(vendor: Vendor, key: str) -> None:
    facts = billing.account_of(vendor)
    assert facts.has_api_key
    assert facts.livemode is False
    assert facts.account_id.startswith("acct_")

    row = db.session.scalars(select(StripeAccount)).one()
    assert key not in row.api_key
    assert row.api_key.startswith("v1:")
    connection = account.connection_of(vendor)
    assert connection is not None
    assert connection.api_key == key
    assert key not in repr(connection)
    assert key not in str([(entry.before, entry.after) for entry in audit.list_for(vendor)])


@pytest.mark.parametrize("wrong", ["pk_test_1234", "sk_test_", "whsec_x", "sk_live_1234567", "sk_test_ä", "x" * 400])
def test_what_is_no_test_key_is_refused(acme: Vendor, wrong: str) -> None:
    with pytest.raises(Invalid) as refusal:
        billing.set_account(acme, api_key=wrong)
    assert refusal.value.field == "api_key"
    assert db.session.scalars(select(StripeAccount)).all() == []


@pytest.mark.parametrize("bad", ["sk_test_invalid1", "rk_test_expired1"])
def test_a_key_stripe_does_not_know_is_refused(acme: Vendor, bad: str, sandbox: object) -> None:
    with pytest.raises(Invalid) as refusal:
        billing.set_account(acme, api_key=bad)
    assert refusal.value.field == "api_key"


def test_signing_secrets_are_sealed_and_at_most_two(vendor: Vendor) -> None:
    billing.set_account(vendor, webhook_secrets=["whsec_one1", "whsec_two2"])
    db.session.commit()
    row = db.session.scalars(select(StripeAccount)).one()
    assert account.webhook_secrets_of(row) == ["whsec_one1", "whsec_two2"]
    assert "whsec" not in row.webhook_secrets
    assert billing.account_of(vendor).webhook_secret_count == 2
    for wrong in (["whsec_1a2", "whsec_2b3", "whsec_3c4"], ["sk_test_1234"]):
        with pytest.raises(Invalid) as refusal:
            billing.set_account(vendor, webhook_secrets=wrong)
        assert refusal.value.field == "webhook_secret"


def test_what_is_not_given_stays(vendor: Vendor, key: str) -> None:
    billing.set_account(vendor, webhook_secrets=["whsec_one1"])
    billing.set_account(vendor, portal_login_url="https://billing.stripe.com/p/login/1")
    facts = billing.account_of(vendor)
    assert (facts.has_api_key, facts.webhook_secret_count) == (True, 1)
    assert facts.portal_login_url == "https://billing.stripe.com/p/login/1"

    billing.set_account(vendor, api_key="")
    assert not billing.account_of(vendor).has_api_key
    assert account.connection_of(vendor) is None


def test_a_login_link_must_be_an_https_address(acme: Vendor) -> None:
    with pytest.raises(Invalid) as refusal:
        billing.set_account(acme, portal_login_url="javascript:alert(1)")
    assert refusal.value.field == "portal_login_url"


def test_a_live_key_is_never_sent_elsewhere() -> None:
    with pytest.raises(ValueError, match="never sent"):
        gateway.Connection("sk_live_1234", "http://127.0.0.1:9")


def test_a_vendor_sees_only_its_own_settings(vendor: Vendor, globex: Vendor) -> None:
    assert billing.account_of(globex) == billing.AccountFacts()
    assert account.connection_of(globex) is None


@pytest.mark.sqlite_only
def test_the_library_of_stripe_is_not_loaded_before_it_is_needed(app: Flask, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tests.support import databases\n"
        f"app = databases.make_app('sqlite:///{tmp_path}/a.sqlite3', Path({str(tmp_path)!r}))\n"
        "databases.migrate(app.config['SQLALCHEMY_DATABASE_URI'], Path('.'))\n"
        "assert app.test_client().get('/Portal/@nobody.example/', base_url='http://localhost').status_code == 404\n"
        "print([name for name in ('stripe', 'requests') if name in sys.modules])\n"
    )
    root = Path(databases.__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=False)
    assert done.stdout.strip().endswith("[]"), done.stderr
