"""What the demo is put together from: sockets, keys, the sandbox's process, a filled database."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from portal.cli import listening

if TYPE_CHECKING:
    from flask import Flask

    from portal.jobs import Work

SANDBOX_STOPS_WITHIN = 10
HURRY, SHORTEST_TURN_SECONDS = 30, 30


def make_folder(folder: Path) -> None:
    """The folder for everything the demo keeps; ends the command with one line if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be used: {error.strerror}.") from error


@contextmanager
def sandbox(host: str, port: int, folder: Path, portal_origin: str) -> Iterator[str]:
    """Run the sandbox Stripe in a process of its own; gives its address, and stops it afterwards."""
    if port:
        listening.listen(host, port).close()
    command = [sys.executable, "-m", "portal.sandbox", "--host", host, "--port", str(port)]
    command += ["--data", str(folder / "sandbox.sqlite3"), "--portal-origin", portal_origin, "--until-stdin-closes"]
    process = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise click.ClickException(f"The sandbox Stripe did not start on port {port}.")
        yield str(json.loads(line)["url"]).replace("//0.0.0.0:", "//127.0.0.1:")
    finally:
        process.terminate()
        try:
            process.wait(SANDBOX_STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()


def make_app(folder: Path, base_url: str, sandbox_url: str) -> Flask:
    """The portal with the demo's own keys, database and mail folder."""
    from portal import config, create_app

    keys = _keys(folder)
    settings = {
        "LATCHKEY_ENV": "demo",
        "LATCHKEY_DATA_DIR": str(folder),
        "LATCHKEY_SECRET_KEY": keys["secret_key"],
        "LATCHKEY_ENCRYPTION_KEY": keys["encryption_key"],
        "LATCHKEY_BASE_URL": base_url,
        "LATCHKEY_MAIL_URL": f"file:{folder / 'mail'}",
        "LATCHKEY_MAIL_FROM": "portal@demo.example",
        "LATCHKEY_STRIPE_API_BASE": sandbox_url,
    }
    app = create_app(config.from_environment(settings))
    app.extensions["work"] = _in_a_hurry(app.extensions["work"])
    return app


def _in_a_hurry(work: Work) -> Work:
    """What looks after lost events, open orders and ending keys comes round more often: people watch it heal."""
    turns = {name: max(SHORTEST_TURN_SECONDS, seconds // HURRY) for name, seconds in work.schedule.items()}
    return replace(work, schedule=turns)


def prepare(app: Flask, sandbox_url: str) -> dict[str, Any]:
    """Bring the database up to date, fill what is missing, and say where to click."""
    from flask import g

    from portal import schema
    from portal.audit.service import Actor
    from portal.dev import demo_data, demo_facts, demo_stripe
    from portal.extensions import db

    with app.app_context():
        g.actor = Actor("command", None, "latchkey demo")
        if schema.pending():
            schema.upgrade()
        demo_data.fill()
        demo_data.point_to_this_server()
        demo_stripe.fill(sandbox_url)
        demo_stripe.open_the_door(sandbox_url)
        demo_stripe.read_back()
        facts = demo_facts.where_to_click()
        db.session.rollback()
    return facts


def _keys(folder: Path) -> dict[str, str]:
    """The demo's secrets, made at the first start; nobody else may read the file."""
    path = folder / "keys.json"
    if not path.exists():
        made = {
            "secret_key": secrets.token_urlsafe(48),
            "encryption_key": base64.b64encode(secrets.token_bytes(32)).decode(),
        }
        unfinished = path.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file)
        unfinished.replace(path)
    return dict(json.loads(path.read_text("utf-8")))
