"""The sandbox's own JSON API, under `/_sandbox`: nothing of it is Stripe's. For tests and for the demo.

GET /_sandbox/state; POST /_sandbox/clock {seconds|minutes|hours|days}; POST and DELETE /_sandbox/accidents
{kind, times, …}; POST /_sandbox/settings {name: value}; POST /_sandbox/deliver; POST /_sandbox/release;
POST /_sandbox/do/<deed>/<id> {…}
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, jsonify, request

from portal.sandbox.accidents import control, deeds, orders
from portal.sandbox.engine import renewing
from portal.sandbox.errors import StripeError

if TYPE_CHECKING:
    from portal.sandbox import Sandbox

bp = Blueprint("control", __name__, url_prefix="/_sandbox")
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}


def refuse_strangers() -> tuple[str, int] | None:
    """Other sites must not steer the sandbox through somebody's browser."""
    if request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none"):
        return None
    return ("Only the sandbox's own pages may do this.", 403) if request.method != "GET" else None


bp.before_request(refuse_strangers)


@bp.errorhandler(StripeError)
def refused(error: StripeError) -> tuple[Response, int]:
    """Say what was wrong, in the API's error format."""
    return jsonify(error.body()), error.status


def _sandbox() -> "Sandbox":
    found: Sandbox = current_app.extensions["sandbox"]
    return found


def _given() -> dict[str, Any]:
    found = request.get_json(silent=True) if request.data else {}
    if not isinstance(found, dict):
        raise StripeError("Send a JSON object.")
    return found


@bp.get("/state")
def state() -> Response:
    """Everything that is set, ordered, waiting and done."""
    renewing.catch_up(_sandbox().store, _sandbox().clock(), _sandbox().public_url)
    return jsonify(control.state(_sandbox()))


@bp.post("/clock")
def move_clock() -> Response:
    """Go forward."""
    given = _given()
    if not given or not all(name in UNITS and isinstance(value, (int, float)) for name, value in given.items()):
        raise StripeError(f"Send a number of {', '.join(UNITS)}.")
    seconds = sum(UNITS[name] * value for name, value in given.items())
    return jsonify(now=control.move_clock(_sandbox(), seconds))


@bp.post("/accidents")
def order() -> Response:
    """Order an accident."""
    given = _given()
    kind, times = given.pop("kind", ""), given.pop("times", 1)
    return jsonify(id=control.order(_sandbox(), kind, times, given))


@bp.delete("/accidents")
def forget() -> Response:
    """Take back every order."""
    with _sandbox().store.transaction() as connection:
        orders.forget(connection)
    return jsonify(accidents=[])


@bp.post("/settings")
def change_settings() -> Response:
    """Change settings."""
    control.change_settings(_sandbox(), _given())
    return jsonify(control.state(_sandbox())["settings"])


@bp.post("/deliver")
def deliver() -> Response:
    """Try every webhook that is due, and say what came of it."""
    return jsonify(tried=[asdict(tried) for tried in current_app.extensions["courier"].deliver_due(limit=1000)])


@bp.post("/release")
def release() -> Response:
    """Send what a reorder holds back."""
    return jsonify(released=control.release(_sandbox()))


@bp.post("/do/<deed>/<id_>")
def do(deed: str, id_: str) -> Response:
    """Do something to one object."""
    return jsonify(deeds.do(_sandbox(), deed, id_, _given()))
