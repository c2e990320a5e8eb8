"""Does the answer's time tell whether an address has an account? `python -m tests.bench.enumeration [ROUNDS]`

Real requests in process on a database of its own, known and unknown addresses in turn; prints medians and differences.
"""

from __future__ import annotations

import contextvars
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete

from portal import addresses, throttle
from portal.associate import links
from portal.extensions import db
from tests import factories
from tests.bench.report import Line, show
from tests.support import databases

LIMIT_MS = 3.0
WARM_UP = 3
KINDS = ("known", "unknown")


def run(rounds: int) -> None:
    """Measure and print."""
    show(
        "Does time tell who has an account?",
        f"medians of {rounds} interleaved pairs, known and unknown addresses",
        [
            Line(f"{name}, difference", difference, "ms", most=LIMIT_MS)
            for name, difference in differences(rounds).items()
        ],
    )


def main() -> int:
    """Measure and print; fails where a difference is too large."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    return 0 if max(differences(rounds).values()) < LIMIT_MS else 1


def differences(rounds: int) -> dict[str, float]:
    """The median difference of each form in milliseconds."""
    with tempfile.TemporaryDirectory() as folder, databases.fresh("sqlite", Path(folder)) as url:
        app = databases.make_app(url, Path(folder))
        with app.app_context():
            vendor = factories.make_vendor(domain="acme.example", name="Acme")
            page, link = addresses.portal_path(vendor, ""), links.sign_up_link(vendor).removeprefix("http://localhost")
            for number in range(rounds):
                factories.make_user(email=f"known{number}@mail.example")
        forms = {
            "sign-in": (f"{page}SignIn", {"password": "not the password"}),
            "mailed code": (f"{page}SignIn", {"send_code": "1"}),
            "sign-up": (link, {"name": "Ada Lovelace", "password": "a long enough phrase"}),
            "reset": (f"{page}ForgotPassword", {}),
        }
        return {name: measure(app, name, *form, rounds) for name, form in forms.items()}


def measure(app: Flask, name: str, path: str, fields: dict[str, str], rounds: int) -> float:
    """The median difference within the pairs of one form, in milliseconds."""
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(-WARM_UP, rounds):
        for kind in KINDS if number % 2 else KINDS[::-1]:
            forget_counts(app)
            taken = send(app, path, {**fields, "email": f"{kind}{abs(number)}@mail.example"}) * 1000
            if number >= 0:
                times[kind].append(taken)
    known, unknown = (statistics.median(times[kind]) for kind in KINDS)
    difference = abs(statistics.median(a - b for a, b in zip(*times.values(), strict=True)))
    print(f"{name:12} known {known:7.2f} ms   unknown {unknown:7.2f} ms   median difference {difference:5.2f} ms")
    return difference


def send(app: Flask, path: str, fields: dict[str, str]) -> float:
    """Open the form in a fresh browser, and time the sending."""
    client = app.test_client()
    shown = _alone(lambda: client.get(path, base_url="http://localhost", follow_redirects=True))
    form = BeautifulSoup(shown.text, "html.parser").select_one("main form[method=post]")
    hidden = {tag["name"]: tag.get("value", "") for tag in form.select("input[type=hidden]")}
    return _alone(lambda: _timed(client, form.get("action") or path, {**hidden, **fields}))


def forget_counts(app: Flask) -> None:
    """Start the limits afresh, so that none of them interferes."""
    with app.app_context():
        db.session.execute(delete(throttle.ThrottleCounter))
        db.session.commit()


def _timed(client: FlaskClient, path: str, fields: dict[str, str]) -> float:
    began = perf_counter()
    response = client.post(path, data=fields, base_url="http://localhost")
    taken = perf_counter() - began
    assert response.status_code in (303, 422), response.status
    return taken


def _alone(call: Callable):  # type: ignore[no-untyped-def, type-arg]
    return contextvars.Context().run(call)


if __name__ == "__main__":
    sys.exit(main())
