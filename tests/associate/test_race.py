"""Eight accounts race for one single-use link, 200 times, from two processes: exactly one wins each round."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from portal.associate import links
from portal.associate.models import Association
from portal.audit.models import AuditEntry
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.associate import racing
from tests.support import databases
from tests.support.page import Page

ROUNDS, RACERS, PROCESSES = 200, 8, 2


def race(environment: dict[str, str], racers: list[racing.Racer], paths: list[str]) -> dict[str, dict[int, str]]:
    """Path → racer → state, after every racer tried every path."""
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(RACERS), spawn.Queue()
    groups = [racers[place::PROCESSES] for place in range(PROCESSES)]
    processes = [
        spawn.Process(target=racing.run, args=(environment, group, paths, barrier, answers), daemon=True)
        for group in groups
    ]
    for process in processes:
        process.start()
    found: dict[str, dict[int, str]] = {path: {} for path in paths}
    for _answer in range(len(paths) * RACERS):
        racer, path, state = answers.get(timeout=60)
        found[path][racer] = state
    for process in processes:
        process.join(timeout=30)
    return found


def test_exactly_one_account_wins_each_round(app: Flask, acme: Vendor, database_url: str, tmp_path: Path) -> None:
    customers = [factories.make_customer(acme, email="").id for _round in range(ROUNDS)]
    nonces = dict(db.session.execute(select(factories.Customer.id, factories.Customer.link_nonce)).all())
    paths = [links.path_of(acme, links.Claim("personal", number, nonces[number])) for number in customers]
    users = [factories.make_user() for _racer in range(RACERS)]
    racers = [racing.Racer(user.id, user.email, user.email_key, user.name) for user in users]
    db.session.remove()

    found = race(databases.environment(database_url, tmp_path), racers, paths)

    assert all(sorted(states.values()) == ["taken"] * (RACERS - 1) + ["yours"] for states in found.values())
    seats = select(Association.customer_id, func.count()).group_by(Association.customer_id)
    assert dict(db.session.execute(seats).all()) == dict.fromkeys(customers, 1)
    assert db.session.query(AuditEntry).filter_by(action="associate.bind").count() == ROUNDS
    winners = set(db.session.scalars(select(Association.user_id)))
    groups = [{racer.id for racer in racers[place::PROCESSES]} for place in range(PROCESSES)]
    assert all(winners & group for group in groups), "one process won every round: this was no race"


def test_the_loser_of_a_race_is_told_so(app: Flask, acme: Vendor) -> None:
    """The same over HTTP: both opened the page, both click."""
    customer = factories.make_customer(acme)
    pages = [Page(app).sign_in(factories.make_user()) for _racer in range(2)]
    for page in pages:
        page.get(str(links.personal_link(vendors.get(acme.id), customer)), status=303).follow()
    pages[1].submit()
    pages[0].submit(status=409)
    assert "Someone else used this link" in pages[0].text


def test_eight_clicks_of_one_person_on_the_generic_link_make_one_customer(
    app: Flask, acme: Vendor, database_url: str, tmp_path: Path
) -> None:
    user = factories.make_user()
    racers = [racing.Racer(user.id, user.email, user.email_key, user.name)] * RACERS
    path = links.path_of_sign_up(acme)
    db.session.remove()

    race(databases.environment(database_url, tmp_path), racers, [path])

    assert db.session.query(factories.Customer).count() == 1
    assert db.session.query(Association).count() == 1
