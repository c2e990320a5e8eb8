"""Operating commands: migrations, doctor, seed, worker."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import func, select

from portal.customers.models import Customer
from portal.extensions import db
from portal.licenses.models import License, Machine
from portal.outbox import service as outbox
from portal.outbox.models import OutboxItem
from tests.cli.processes import LATCHKEY, ROOT, run
from tests.factories import make_customer, make_license

__all__ = ["run"]  # a fixture


def count(model) -> int:
    db.session.rollback()
    found = db.session.scalar(select(func.count()).select_from(model))
    db.session.rollback()
    return found


@pytest.mark.sqlite_only
def test_help_loads_no_database_library():
    done = subprocess.run([*LATCHKEY, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    look = "import sys, portal.cli as p; [p.cli.get_command(0, n) for n in p.COMMANDS]; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "demo" in done.stdout
    assert not {"sqlalchemy", "stripe", "flask"} & set(loaded.split())


@pytest.mark.sqlite_only
def test_migrations_are_applied_once_and_shown(run, tmp_path):
    empty = {"LATCHKEY_DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}
    before = run("db", "status", "--json", **empty).facts
    assert before["current"] is None
    assert before["pending"][-1] == before["head"]

    assert run("db", "upgrade", "--json", **empty).facts["applied"] == before["pending"]
    assert run("db", "upgrade", "--json", **empty).facts["applied"] == []
    assert run("db", "status", "--json", **empty).facts["pending"] == []


@pytest.mark.sqlite_only
def test_nothing_is_served_or_worked_on_while_migrations_wait(run, tmp_path):
    empty = {"LATCHKEY_DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3"}
    for command in (
        ("serve", "--port", "0"),
        ("worker", "--once"),
        ("seed", "--vendor", "a.example", "--customers", "1", "--licenses", "1"),
    ):
        told = run(*command, **empty)
        assert (told.status, told.error.splitlines()[-1:]) == (
            1,
            ["Error: The database is not up to date. Run: latchkey db upgrade"],
        )


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("LATCHKEY_SECRET_KEY", "", "LATCHKEY_SECRET_KEY is missing"),
        ("LATCHKEY_ENCRYPTION_KEY", "c2hvcnQ=", "must hold 32 bytes"),
        ("LATCHKEY_DATABASE_URL", "sqlite:////nowhere/at/all.sqlite3", "The database does not answer"),
        ("LATCHKEY_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none", "The database does not answer"),
    ],
)
def test_what_keeps_the_server_from_starting_is_one_clear_line(run, name, value, sentence):
    told = run("serve", "--port", "0", **{name: value})

    assert told.status == 1
    assert len(told.error.splitlines()) == 1
    assert sentence in told.error


def test_the_worker_works_off_what_is_due(run, acme):
    outbox.queue_job("no_such_job", vendor_id=acme.id)
    db.session.commit()
    assert run("worker", "--once", "--json").facts == {"processed": 0, "failed": 1}
    assert run("worker", "--once", "--json").facts == {"processed": 0, "failed": 0}
    assert db.session.scalar(select(OutboxItem.attempts)) == 1


def test_the_doctor_finds_all_well(run, acme):
    told = run("doctor", "--json")
    checks = {check["name"]: check for check in told.facts["checks"]}

    assert told.status == 0, told.text
    assert set(checks) >= {"settings", "database", "migrations", "disk", "mail", "queue"}
    assert all(check["ok"] for check in checks.values())


def test_the_doctor_names_the_trouble_and_the_remedy(run, acme):
    told = run("doctor", "--json", LATCHKEY_MAIL_URL="smtp://127.0.0.1:1")
    mail = next(check for check in told.facts["checks"] if check["name"] == "mail")

    assert told.status == 1
    assert "refused" in mail["message"]
    assert "LATCHKEY_MAIL_URL" in mail["fix"]


@pytest.mark.sqlite_only
def test_the_doctor_helps_before_anything_works(run):
    told = run("doctor", LATCHKEY_SECRET_KEY="")
    assert told.status == 1
    assert "FAIL  settings: LATCHKEY_SECRET_KEY is missing" in told.text
    assert "LATCHKEY_MAIL_FROM" in run("doctor", "--settings", LATCHKEY_SECRET_KEY="").text


def test_seeding_adds_customers_licenses_and_machines_beside_what_there_is(run, acme):
    make_license(acme, customer=make_customer(acme))
    db.session.rollback()
    told = run("seed", "--vendor", "acme.example", "--customers", "100", "--licenses", "300", "--json")
    facts = told.facts

    assert (facts["customers"], facts["licenses"]) == (100, 300)
    assert (count(Customer), count(License)) == (101, 301)
    assert count(Machine) == facts["machines"] == 100
    shares = sorted(db.session.scalars(select(func.count()).select_from(License).group_by(License.customer_id)))
    assert shares.count(10) == 10, "every tenth customer has ten"
    assert len(set(db.session.scalars(select(Customer.name)))) > 50

    db.session.rollback()
    again = run("seed", "--vendor", "acme.example", "--customers", "10", "--licenses", "10", "--json")
    assert again.status == 0, again.error
    assert count(Customer) == 111


def test_seeded_customers_are_found_and_shown(run, acme, page):
    from tests.factories import make_staff

    run("seed", "--vendor", "acme.example", "--customers", "30", "--licenses", "60", "--json")
    name = db.session.scalar(select(Customer.name).where(Customer.id == 7))
    page.sign_in(make_staff(acme), vendor=acme)
    page.get(f"/Customer?q={name}")

    assert name in page.text


def test_seeding_an_unknown_vendor_is_one_clear_line(run, acme):
    told = run("seed", "--vendor", "nobody.example", "--customers", "1", "--licenses", "1")
    assert (told.status, told.text) == (1, "")
    assert "There is no vendor nobody.example." in told.error
