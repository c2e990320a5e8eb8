"""One process of the race: a thread per account, all threads of all processes held at one barrier before each link."""

from __future__ import annotations

import contextvars
import threading
from dataclasses import dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from urllib.parse import parse_qsl, urlsplit

from flask import Flask

from portal import config, create_app, unit_of_work
from portal.account.models import User
from portal.associate import binding, links
from portal.extensions import db
from portal.vendors import service as vendors


@dataclass(frozen=True)
class Racer:
    """A person as plain values, as the gate would have read it."""

    id: int
    email: str
    email_key: str
    name: str


def run(
    environment: dict[str, str], racers: list[Racer], paths: list[str], barrier: Barrier, answers: Queue[tuple]
) -> None:
    """Let every racer try every link, each round at once, and report (racer, path, state)."""
    app = create_app(config.from_environment(environment))
    with app.app_context():
        db.session.execute(db.select(User.id).limit(1)).all()
        db.session.rollback()
    threads = [threading.Thread(target=_race, args=(app, racer, paths, barrier, answers)) for racer in racers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _race(app: Flask, racer: Racer, paths: list[str], barrier: Barrier, answers: Queue[tuple]) -> None:
    for path in paths:
        barrier.wait(timeout=60)
        state = contextvars.Context().run(_try, app, racer, path)
        answers.put((racer.id, path, state))


def _try(app: Flask, racer: Racer, path: str) -> str:
    """What a POST of the page does for a signed-in user, its one transaction included; returns the state."""
    with app.app_context():
        vendor = vendors.find_by_domain("acme.example")
        assert vendor is not None
        claim = links.read_link(vendor, dict(parse_qsl(urlsplit(path).query)))[2]
        assert claim is not None
        db.session.rollback()
        found = binding.bind(vendor, racer, claim)
        unit_of_work.commit()
        return found.state
