"""`latchkey vendors`: create, signup-link, set, stripe."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from portal.account import passwords
from portal.account.models import User
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.staff import service as staff
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests.cli.conftest import Latchkey
from tests.factories import PASSWORD, make_user
from tests.support import databases

OWNER = ("--owner-email", "Owner@New.Example")


def test_create_makes_a_vendor_with_its_first_owner(latchkey: Latchkey) -> None:
    facts = latchkey.facts(
        "vendors", "create", "--domain", "New.Example", "--name", "New", *OWNER, "--owner-password", PASSWORD
    )

    vendor = vendors.get(facts["id"])
    assert facts["domain"] == vendor.domain == "new.example"
    assert facts["portal_url"] == "http://localhost/Portal/@new.example/"
    assert facts["sign_up_link"].startswith(f"http://localhost/Portal/@new.example/Associate?vid={vendor.id}&auth=")
    assert facts["webhook_url"] == f"http://localhost/api/subscription/StripeUrl?id={vendor.id}"
    assert facts["owner_email"] == "Owner@new.example"
    [member] = staff.list_members(vendor)
    assert (member.email_key, member.role) == ("owner@new.example", "owner")
    assert passwords.verify(db.session.get(User, member.user_id).password_hash, PASSWORD)


def test_the_password_may_come_from_standard_input_and_is_never_audited(latchkey: Latchkey) -> None:
    latchkey.facts(
        "vendors", "create", "--domain", "new.example", "--name", "New", *OWNER, "--owner-password", "-",
        typed=PASSWORD + "\n",
    )  # fmt: skip

    user = db.session.scalar(select(User))
    assert passwords.verify(user.password_hash, PASSWORD)
    entries = db.session.scalars(select(AuditEntry)).all()
    assert {entry.actor_kind for entry in entries} == {"command"}
    assert PASSWORD not in str([(entry.before, entry.after) for entry in entries])


def test_an_existing_account_becomes_the_owner_and_keeps_its_password(latchkey: Latchkey) -> None:
    user = make_user("owner@new.example")
    latchkey.run("vendors", "create", "--domain", "new.example", "--name", "New", *OWNER, "--owner-password", PASSWORD)

    assert [member.user_id for member in staff.list_members(vendors.get_by_domain("new.example"))] == [user.id]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--domain", "no domain", "--name", "New", *OWNER), "not a domain"),
        (("--domain", "acme.example", "--name", "New", *OWNER), "a vendor with this domain already"),
        (("--domain", "new.example", "--name", "New", "--owner-email", "nobody"), "not an e-mail address"),
        (("--domain", "new.example", "--name", "New", *OWNER, "--owner-password", "short"), "8 characters"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_and_leaves_nothing(
    latchkey: Latchkey, acme: Vendor, options: tuple[str, ...], words: str
) -> None:
    assert words in latchkey.refusal("vendors", "create", *options)
    assert db.session.scalars(select(Vendor.domain)).all() == ["acme.example"]
    assert not db.session.scalars(select(User)).all()


def test_an_existing_owner_with_another_password_is_refused(latchkey: Latchkey) -> None:
    make_user("owner@new.example")
    options = ("--domain", "new.example", "--name", "New", *OWNER, "--owner-password", "another fine password")

    assert "another password" in latchkey.refusal("vendors", "create", *options)
    assert not db.session.scalars(select(Vendor)).all()


def test_signup_link_is_the_same_until_it_is_rotated(latchkey: Latchkey, acme: Vendor) -> None:
    command = ("vendors", "signup-link", "--domain", "acme.example")
    first = latchkey.facts(*command)["sign_up_link"]
    assert latchkey.facts(*command)["sign_up_link"] == first

    second = latchkey.facts(*command, "--rotate")["sign_up_link"]
    assert second != first
    assert latchkey.facts(*command)["sign_up_link"] == second


def test_set_changes_switches_and_prints_all_of_them(latchkey: Latchkey, acme: Vendor) -> None:
    facts = latchkey.facts(
        "vendors", "set", "--domain", "acme.example",
        "generic_sign_up=off", "association_limit=3", "embed_origins=https://a.example https://b.example",
    )  # fmt: skip

    assert facts["generic_sign_up"] is False
    assert facts["association_limit"] == 3
    assert facts["embed_origins"] == ["https://a.example", "https://b.example"]
    assert facts["refund_policy"] == "block"
    assert vendors.switches_of(vendors.get_by_domain("acme.example")).association_limit == 3


def test_one_bad_switch_changes_none(latchkey: Latchkey, acme: Vendor) -> None:
    message = latchkey.refusal("vendors", "set", "--domain", "acme.example", "grace_days=5", "association_limit=none9")

    assert "whole number" in message
    assert vendors.switches_of(vendors.get_by_domain("acme.example")).grace_days == 3
    latchkey.run("vendors", "set", "--domain", "acme.example", "grace_days", status=2)
    assert "no switch named" in latchkey.refusal("vendors", "set", "--domain", "acme.example", "colour=red")


def test_an_unknown_vendor_is_named(latchkey: Latchkey) -> None:
    assert "nobody.example" in latchkey.refusal("vendors", "signup-link", "--domain", "nobody.example")


def test_without_json_a_command_prints_a_line_per_fact(latchkey: Latchkey, acme: Vendor) -> None:
    lines = latchkey.run("vendors", "set", "--domain", "acme.example").stdout.splitlines()

    assert "generic_sign_up:             on" in lines
    assert "embed_origins:               -" in lines


@pytest.mark.sqlite_only
def test_commands_refuse_a_database_that_is_not_up_to_date(tmp_path: Path, app: object) -> None:
    fresh = Latchkey(databases.environment(f"sqlite:///{tmp_path / 'empty.sqlite3'}", tmp_path))

    message = fresh.refusal("vendors", "signup-link", "--domain", "acme.example")
    assert message == "The database is not up to date. Run: latchkey db upgrade"
